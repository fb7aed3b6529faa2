//! Whether the executor could write where it will have to: the pages in Notion, and the place of the post-mortems.
//!
//! Never: a write. What only one can tell is said to be untold.

use std::collections::BTreeMap;

use super::{backend::Found, needs::told};
use crate::{
    platform::{Fact, confluence, notion},
    row::{
        page::{Runbook, Site},
        paper::Place,
    },
    server::executor,
};

/// Every page in Notion that may be edited, read as the executor.
pub(super) async fn in_notion(notion: &notion::Source, runbooks: &BTreeMap<String, Runbook>) -> Found {
    let who = super::backend::said(notion.health().await)?;
    let mut seen = Vec::new();
    for (name, runbook) in runbooks.iter().filter(|(_, runbook)| runbook.site == Site::Notion) {
        let page = notion.page(&runbook.page).await.map_err(|error| {
            format!("{name}: {}\nhint: share the page with the executor's integration, too", told(&error))
        })?;
        if let Some(closed) = page.closed {
            return Err(format!(
                "{name}: the page is {closed}\nhint: take it out of [runbooks], or restore it"
            ));
        }
        seen.push(name.as_str());
    }
    let pages = if seen.is_empty() { String::new() } else { format!("; it sees {}", seen.join(", ")) };
    Ok(format!("{who}{pages}; what it may write only a write tells"))
}

/// Where post-mortems go, looked at with the executor's own account.
pub(super) async fn of_papers(executor: Option<&executor::Config>, place: &Place) -> Found {
    let Some(section) = executor else {
        return Ok("looked at where `dock executor` runs: its account writes them".to_owned());
    };
    match place.site {
        Site::Confluence => {
            let section = section.confluence.as_ref().ok_or_else(|| missing("confluence"))?;
            let actuator = confluence::Actuator::open(section).map_err(|error| told(&error))?;
            in_space(actuator.reads(), place).await
        }
        Site::Notion => {
            let section = section.notion.as_ref().ok_or_else(|| missing("notion"))?;
            let actuator = notion::Actuator::open(section).map_err(|error| told(&error))?;
            below(actuator.reads(), place).await
        }
    }
}

fn missing(site: &str) -> String {
    format!(
        "they are published by an account that is not there\nhint: the section [executor.{site}] with its credential"
    )
}

async fn in_space(confluence: &confluence::Source, place: &Place) -> Found {
    let space = &place.space;
    match confluence.may_create(space).await {
        Ok(Fact::Known(true)) => {}
        Ok(Fact::Known(false)) => {
            return Err(format!(
                "the executor's account may not make pages in {space}\nhint: *Add pages* for it, in the space's permissions"
            ));
        }
        Ok(Fact::Unknown(why)) => return Err(why),
        Err(error) => {
            return Err(format!(
                "{}\nhint: [postmortems] space is the key in …/wiki/spaces/KEY/…; let the executor's account view it",
                told(&error)
            ));
        }
    }
    let Some(parent) = &place.parent else {
        return Ok(format!("the executor's account may make pages in {space}"));
    };
    let page = confluence.page(parent).await.map_err(|error| {
        format!("{}\nhint: [postmortems] parent are the digits in the page's address", told(&error))
    })?;
    let id = confluence.space_id(space).await.map_err(|error| told(&error))?;
    if page.space != id {
        return Err(format!(
            "the page {parent} ({}) is not in {space}\nhint: a page of that space, or the space of that page",
            page.title
        ));
    }
    match page.closed {
        Some(closed) => {
            Err(format!("the page {parent} is {closed}\nhint: restore it, or name another parent"))
        }
        None => Ok(format!("the executor's account may make pages in {space}, below {}", page.title)),
    }
}

async fn below(notion: &notion::Source, place: &Place) -> Found {
    // A place in Notion without one is refused when the config is read.
    let parent = place.parent.as_deref().unwrap_or_default();
    let page = notion.page(parent).await.map_err(|error| {
        format!(
            "{}\nhint: [postmortems] parent is the id of the page that they go into; share it with the executor's integration",
            told(&error)
        )
    })?;
    match page.closed {
        Some(closed) => {
            Err(format!("the page {parent} is {closed}\nhint: restore it, or name another parent"))
        }
        None => Ok(format!(
            "the executor's integration sees {}; whether it may put pages into it only a write tells",
            page.title
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        simulator::{Pace, Scenario, Setting, Simulators, Site as At},
    };

    #[tokio::test]
    async fn the_place_of_post_mortems_is_tried() {
        let setting =
            Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace: Pace::default(), dir: None };
        let platforms = Simulators::start(setting).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let secret = |name: &str, text: &str| {
            let file = dir.path().join(name);
            crate::client::home::write_private(&file, text.as_bytes()).unwrap();
            file.display().to_string()
        };
        let world = platforms.world();
        let section = |email: &str, token: &str| {
            let (url, wiki) = (platforms.url(At::Notion), platforms.url(At::Confluence));
            let text = format!(
                "[confluence]\nurl = \"{wiki}\"\nemail = \"{email}\"\ntoken_file = \"{token}\"\n[notion]\nurl = \
                 \"{url}\"\ntoken_file = \"{}\"\n",
                secret("notion", &world.notion_executor_token())
            );
            toml::from_str::<executor::Config>(&text).unwrap()
        };
        let executor =
            section("dock@acme.example", &secret("confluence", &world.confluence_executor_token()));
        let reader = section("dock-reader@acme.example", &secret("reader", &world.token(At::Confluence)));
        let page = "91a4c2d0-5b7e-4f13-9c86-2e0d7a1b3f58";
        let nowhere = "11111111-2222-3333-4444-555555555555";
        for (executor, place, expected) in [
            (Some(&executor), "site = \"confluence\"\nspace = \"INC\"", Ok("may make pages in INC")),
            (
                Some(&executor),
                "site = \"confluence\"\nspace = \"98305\"\nparent = \"4711\"",
                Ok("in 98305, below Redis failover"),
            ),
            (
                Some(&executor),
                "site = \"confluence\"\nspace = \"INC\"\nparent = \"4711\"",
                Err("the page 4711 (Redis failover) is not in INC"),
            ),
            (Some(&executor), "site = \"confluence\"\nspace = \"NOPE\"", Err("space is the key in")),
            (Some(&reader), "site = \"confluence\"\nspace = \"INC\"", Err("hint: *Add pages* for it")),
            (Some(&executor), &format!("site = \"notion\"\nparent = \"{page}\""), Ok("integration sees ")),
            (Some(&executor), &format!("site = \"notion\"\nparent = \"{nowhere}\""), Err("share it with")),
            (None, "site = \"confluence\"\nspace = \"INC\"", Ok("`dock executor` runs")),
        ] {
            let found = of_papers(executor, &toml::from_str(place).unwrap()).await;
            match (&found, expected) {
                (Ok(said), Ok(part)) | (Err(said), Err(part)) => {
                    assert!(said.contains(part), "{place}: {said}");
                }
                _ => panic!("{place}: {found:?}"),
            }
        }
        let without: executor::Config = toml::from_str("").unwrap();
        let place = toml::from_str("site = \"confluence\"\nspace = \"INC\"").unwrap();
        assert!(of_papers(Some(&without), &place).await.unwrap_err().contains("[executor.confluence]"));
        let runbooks = |id: &str| {
            toml::from_str(&format!("[R]\nsite = \"notion\"\npage = \"{id}\"\nservices = [\"a\"]\n")).unwrap()
        };
        let notion = notion::Source::open(executor.notion.as_ref().unwrap()).unwrap();
        assert!(in_notion(&notion, &runbooks(page)).await.unwrap().contains("it sees R"));
        assert!(in_notion(&notion, &runbooks(nowhere)).await.unwrap_err().contains("hint: share the page"));
    }
}
