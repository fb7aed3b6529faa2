//! Orders that move the demo's world: one line of JSON in, one line out.
//!
//! Never: an order half obeyed and called done.

use std::{fs, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Estate, Failure, Simulators, Site,
    children::{self, Children, Part},
    estate::PEOPLE,
};
use crate::{
    cli::{Globals, person::Person, rows::span},
    client::{Cache, Home, home},
    row::{RowId, page},
    simulator::{PageEdit, SimulatorError, World},
    wire::RowView,
};

/// How long the backend may take to answer again.
const UP_WITHIN: Duration = Duration::from_secs(25);
/// Who edits pages in the browser, beside Dock.
const EDITOR: &str = "acc-jordan";
const NOTION_EDITOR: &str = "jordan";
const EDITED: &str = "Checked by hand while looking at";

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Order {
    Drift { app: String },
    Run { service: String },
    MoveBase { row: RowId },
    EditPage { row: RowId },
    Down { platform: String },
    Up { platform: String },
    Backend { state: Turn },
    Clock { advance: String },
    Incident { id: String, state: IncidentState, service: Option<String> },
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Turn {
    Down,
    Up,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum IncidentState {
    Open,
    Resolved,
}

/// Does what a line says, and tells whether it was done.
pub(super) async fn obey(
    line: &str,
    children: &mut Children,
    estate: &Estate,
    simulators: &Simulators,
) -> Value {
    let done = match serde_json::from_str::<Order>(line) {
        Ok(order) => carry_out(order, children, estate, simulators).await,
        Err(error) => Err(Failure::usage(format!("not an order: {error}"))),
    };
    match done {
        Ok(told) => json!({"ok": true, "did": told}),
        Err(failure) => json!({"ok": false, "error": failure.words}),
    }
}

async fn carry_out(
    order: Order,
    children: &mut Children,
    estate: &Estate,
    simulators: &Simulators,
) -> Result<String, Failure> {
    let world = simulators.world();
    let unknown = |error: SimulatorError| Failure::failed(error.to_string());
    match order {
        Order::Drift { app } => {
            world.drift(&app).map_err(unknown)?;
            Ok(format!("{app} drifts"))
        }
        Order::Run { service } => {
            let run = world.run(&service).map_err(unknown)?;
            Ok(format!("run {run} of {service} builds and waits at its gate"))
        }
        Order::MoveBase { row } => {
            let app = view(row, estate).await?.head.subject;
            world.move_base(&app).map_err(unknown)?;
            Ok(format!("{app} moved under {row}"))
        }
        Order::EditPage { row } => {
            let view = view(row, estate).await?;
            edit_page(&view, world)
        }
        Order::Down { platform } => {
            world.faults(site(&platform)?).down();
            Ok(format!("{platform} is down"))
        }
        Order::Up { platform } => {
            world.faults(site(&platform)?).up();
            Ok(format!("{platform} is up"))
        }
        Order::Backend { state } => backend(&state, children, estate).await,
        Order::Clock { advance } => advance_clock(&advance, estate),
        Order::Incident { id, state, service } => {
            world.incident(&id, state == IncidentState::Open, service.as_deref()).map_err(unknown)?;
            Ok(format!("{id} changed"))
        }
    }
}

fn site(name: &str) -> Result<Site, Failure> {
    Site::named(name).ok_or_else(|| Failure::failed(format!("there is no platform {name} here")))
}

async fn backend(state: &Turn, children: &mut Children, estate: &Estate) -> Result<String, Failure> {
    match state {
        Turn::Down => {
            if !children.runs(Part::Serve) {
                return Err(Failure::failed("the backend does not run here"));
            }
            children.stop(Part::Serve).await;
            Ok("the backend is down".to_owned())
        }
        Turn::Up => {
            if !children.runs(Part::Serve) {
                children.start(Part::Serve, estate)?;
            }
            children::answers(&estate.server, UP_WITHIN).await?;
            Ok("the backend is up".to_owned())
        }
    }
}

fn advance_clock(by: &str, estate: &Estate) -> Result<String, Failure> {
    let file = estate.dir.join("clock");
    let text = fs::read_to_string(&file).unwrap_or_default();
    let seconds: f64 = text.trim().parse().unwrap_or(0.0);
    let seconds = seconds + span(by)?.as_secs_f64();
    home::write_private(&file, format!("{seconds}\n").as_bytes())?;
    Ok(format!("the clock is {seconds} s ahead"))
}

/// Somebody edits a row's page in the browser, and it is published at once.
fn edit_page(view: &RowView, world: &World) -> Result<String, Failure> {
    let sites = [page::Site::Confluence, page::Site::Notion];
    let page = view.pointers.iter().find_map(|pointer| {
        let site = sites.into_iter().find(|site| site.pointer() == pointer.name)?;
        Some((site, pointer.reference.as_str()))
    });
    let (site, id) = page.ok_or_else(|| Failure::failed(format!("{} names no page", view.head.id)))?;
    let words = format!("{EDITED} {}.", view.head.id);
    match site {
        page::Site::Confluence => {
            let edited = world.edit_page(id, EDITOR, &PageEdit::Paragraph(words));
            let version = edited.map_err(|error| Failure::failed(error.to_string()))?;
            Ok(format!("{EDITOR} edited the page {id}, it is at version {version}"))
        }
        page::Site::Notion => {
            let edited = world.edit_notion_page(id, NOTION_EDITOR);
            edited.map_err(|error| Failure::failed(error.to_string()))?;
            Ok(format!("{NOTION_EDITOR} edited the page {id}"))
        }
    }
}

/// What is known of a row: from what some of the people have cached, else from the backend.
async fn view(row: RowId, estate: &Estate) -> Result<RowView, Failure> {
    for person in PEOPLE {
        let file = Home::at(&estate.home(person)).cache_file();
        let cached = Cache::open_if_there(&file).ok().flatten();
        let found = cached.and_then(|(cache, _)| cache.row(row, jiff::Timestamp::MIN).ok().flatten());
        if let Some(found) = found {
            return Ok(found.view);
        }
    }
    let person = Person::at(&Globals::default(), Home::at(&estate.home("sarah")))?;
    let api = person.sign_in().await?;
    api.row(row).await.map_err(|error| Failure::failed(format!("{row}: {error}")))
}
