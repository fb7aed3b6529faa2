//! The simulated platforms keep their platforms' rules, asked as a stranger would ask them.

use serde_json::{Value, json};

use super::*;

struct Asked {
    simulators: Simulators,
    client: reqwest::Client,
}

impl Asked {
    async fn start() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let pace = Pace {
            tick: std::time::Duration::from_secs(86_400),
            refresh: std::time::Duration::ZERO,
            ..Pace::default()
        };
        let setting = Setting { scenario: Scenario::Seeds, clock: Clock::system(), pace, dir: None };
        let client = reqwest::Client::builder().no_proxy().user_agent("test").build().unwrap();
        Self { simulators: Simulators::start(setting).await.unwrap(), client }
    }

    async fn argocd(&self, method: &str, path: &str, account: Account, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/api/v1{path}", self.simulators.url(Site::ArgoCd));
        let mut request = self.client.request(method.parse().unwrap(), url);
        request = request.bearer_auth(self.simulators.world().argocd_token(account));
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn app(&self, name: &str) -> Value {
        self.argocd("GET", &format!("/applications/{name}"), Account::Reader, None).await.1
    }

    /// Lets time pass until it holds.
    async fn until(&self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..200 {
            let app = self.app(name).await;
            if holds(&app) {
                return app;
            }
            self.simulators.world().tick();
        }
        panic!("never: {}", self.app(name).await);
    }
}

fn sync(revision: &str) -> Value {
    json!({"name": "payments-api", "project": "payments", "revision": revision,
        "infos": [{"name": "dock.decision", "value": "01J"}]})
}

#[tokio::test]
async fn a_sync_goes_from_accepted_to_healthy_and_keeps_its_tags() {
    let asked = Asked::start().await;
    let app = asked.until("payments-api", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    let revision = app["status"]["sync"]["revision"].as_str().unwrap().to_owned();
    let before = app["status"]["history"].as_array().unwrap().len();
    let path = "/applications/payments-api/sync";
    let (status, answer) = asked.argocd("POST", path, Account::Executor, Some(sync(&revision))).await;
    assert_eq!((status, &answer["operation"]["sync"]["revision"]), (200, &json!(revision)));
    assert!(answer["status"]["operationState"].is_null(), "what was there is wiped");
    let (status, busy) = asked.argocd("POST", path, Account::Executor, Some(sync(&revision))).await;
    assert_eq!((status, &busy["code"]), (400, &json!(9)));
    assert_eq!(busy["message"], "another operation is already in progress");
    let app =
        asked.until("payments-api", |app| app["status"]["operationState"]["phase"] == "Succeeded").await;
    assert_eq!(app["status"]["sync"]["status"], "OutOfSync", "the controller has not looked again yet");
    let settled = |app: &Value| {
        app["status"]["health"]["status"] == "Healthy" && app["status"]["sync"]["status"] == "Synced"
    };
    let app = asked.until("payments-api", settled).await;
    assert_eq!(app["status"]["operationState"]["operation"]["info"][0]["value"], "01J");
    assert_eq!(app["status"]["history"].as_array().unwrap().len(), before + 1);
    assert_eq!(app["status"]["history"][before]["revision"], revision);
    assert_eq!(app["status"]["history"][before]["initiatedBy"]["username"], "dock-executor");
}

#[tokio::test]
async fn who_may_what_and_which_no_means_what() {
    let asked = Asked::start().await;
    let check = async |method: &str, path: &str, account, body: Option<Value>, status: u16, code: u32| {
        let (got, answer) = asked.argocd(method, path, account, body).await;
        assert_eq!(
            (got, answer["code"].as_u64()),
            (status, Some(u64::from(code))),
            "{method} {path}: {answer}"
        );
    };
    let body = || Some(json!({"name": "payments-api", "project": "payments"}));
    check("POST", "/applications/payments-api/sync", Account::Agent, body(), 403, 7).await;
    check("POST", "/applications/payments-api/sync", Account::Executor, Some(sync("no-such-branch")), 400, 9)
        .await;
    check("GET", "/applications/nope", Account::Agent, None, 403, 7).await;
    check("GET", "/applications/nope?project=payments", Account::Agent, None, 404, 5).await;
    check("GET", "/applications/nope?project=nope", Account::Agent, None, 403, 7).await;
    check("GET", "/applications/payments-api?project=ledger", Account::Agent, None, 404, 5).await;
    let operation = "/applications/payments-api/operation?project=payments";
    check("DELETE", operation, Account::Executor, Some(json!({})), 400, 3).await;
    asked.simulators.world().set_window_closed("payments-api", true).unwrap();
    check("POST", "/applications/payments-api/sync", Account::Executor, body(), 403, 7).await;
    let (status, text) = asked.argocd("DELETE", operation, Account::Executor, None).await;
    assert_eq!((status, text), (415, json!("Invalid content type\n")));
}

#[tokio::test]
async fn a_pinned_revision_is_refused_under_auto_sync_even_the_heads_own() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    world.set_auto_sync("payments-api", true).unwrap();
    let revision = asked.app("payments-api").await["status"]["sync"]["revision"].as_str().unwrap().to_owned();
    let path = "/applications/payments-api/sync";
    let (status, answer) = asked.argocd("POST", path, Account::Executor, Some(sync(&revision))).await;
    assert_eq!(status, 400);
    assert_eq!(answer["message"], format!("Cannot sync to {revision}: auto-sync currently set to main"));
}

#[tokio::test]
async fn the_plan_goes_on_when_an_agent_has_looked() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    asked.until("payments-api", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert!(!world.is_out_of_sync("checkout-web"));
    asked.argocd("GET", "/applications/payments-api/managed-resources", Account::Agent, None).await;
    asked.until("checkout-web", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert_eq!(world.drift_next().as_deref(), Some("ledger-worker"));
    let app = asked.until("ledger-worker", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert_eq!(app["status"]["sync"]["revision"], "2.4.2");
    assert_eq!(world.drift_next(), None);
}

#[tokio::test]
async fn both_sides_are_shown_with_who_changed_what_and_no_secret() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    assert_eq!(world.drift_next().as_deref(), Some("checkout-web"));
    asked.until("checkout-web", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    let (_, answer) =
        asked.argocd("GET", "/applications/checkout-web/managed-resources", Account::Agent, None).await;
    let items = answer["items"].as_array().unwrap();
    let modified: Vec<&Value> = items.iter().filter(|item| item["modified"] == true).collect();
    assert_eq!(modified.len(), 1, "{modified:?}");
    let live: Value = serde_json::from_str(modified[0]["liveState"].as_str().unwrap()).unwrap();
    let target: Value = serde_json::from_str(modified[0]["targetState"].as_str().unwrap()).unwrap();
    assert_eq!(
        (&live["data"]["express_checkout"], &target["data"]["express_checkout"]),
        (&json!("false"), &json!("true"))
    );
    assert_eq!(live["metadata"]["managedFields"][1]["manager"], "kubectl-edit");
    assert!(!answer.to_string().contains("c2ltdWxhdGVk") && answer.to_string().contains("++++++++"));
}

#[tokio::test]
async fn a_moved_base_shows_at_once_and_a_drift_can_be_repeated() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    let before = asked.until("payments-api", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    world.move_base("payments-api").unwrap();
    let after = asked.app("payments-api").await;
    assert_ne!(before["status"]["sync"]["revision"], after["status"]["sync"]["revision"]);
    let flags = async || {
        let path = "/applications/checkout-web/managed-resources";
        let (_, answer) = asked.argocd("GET", path, Account::Reader, None).await;
        answer["items"].as_array().unwrap().iter().find(|item| item["kind"] == "ConfigMap").cloned().unwrap()
    };
    for _ in 0..2 {
        let before = flags().await;
        world.move_base("checkout-web").unwrap();
        assert_ne!(flags().await["normalizedLiveState"], before["normalizedLiveState"]);
    }
    world.drift("search-indexer").unwrap();
    asked.until("search-indexer", |app| app["status"]["sync"]["status"] == "OutOfSync").await;
    assert!(world.drift("nope").is_err());
}

#[tokio::test]
async fn a_world_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let setting = || Setting {
        scenario: Scenario::Seeds,
        clock: Clock::system(),
        pace: Pace::default(),
        dir: Some(folder.path().to_owned()),
    };
    let first = Simulators::start(setting()).await.unwrap();
    first.world().drift_next();
    first.world().incident("INC-771", false, None).unwrap();
    let edit = PageEdit::Paragraph("By hand.".to_owned());
    assert_eq!(first.world().edit_page("4711", "acc-jordan", &edit).unwrap(), 2);
    let (body, writes) = (first.world().confluence_body("4711").unwrap(), first.world().confluence_writes());
    let (url, token) = (first.url(Site::ArgoCd), first.world().token(Site::ArgoCd));
    let seen = first.world().read(|state| serde_json::to_value(&state.pager).unwrap());
    drop(first);
    let mut second = Simulators::start(setting()).await;
    for _ in 0..100 {
        // The first one's sockets close when its runtime gets to it.
        if second.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        second = Simulators::start(setting()).await;
    }
    let second = second.unwrap();
    assert_eq!((second.url(Site::ArgoCd), second.world().token(Site::ArgoCd)), (url, token));
    assert_eq!(second.world().read(|state| serde_json::to_value(&state.pager).unwrap()), seen);
    assert!(body.contains("By hand.") && second.world().confluence_body("4711").unwrap() == body);
    assert_eq!(second.world().confluence_writes(), writes);
}

#[tokio::test]
async fn a_reader_from_outside_sees_a_pages_versions_in_confluences_own_words() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    for number in 0..4 {
        let title = PageEdit::Title(format!("Redis failover {number}"));
        world.edit_page("4711", "acc-jordan", &title).unwrap();
    }
    let get = async |path: &str| {
        let url = format!("{}{path}", asked.simulators.url(Site::Confluence));
        let mut request = asked.client.get(url);
        for (name, value) in asked.simulators.headers(Site::Confluence) {
            request = request.header(name, value);
        }
        let answer = request.send().await.unwrap();
        let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
        assert!(answer.headers().contains_key("atl-traceid"));
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap(), link)
    };
    let (status, whole, link) = get("/wiki/api/v2/pages/4711/versions?limit=50").await;
    let numbers = |body: &Value| -> Vec<u64> {
        body["results"].as_array().unwrap().iter().map(|one| one["number"].as_u64().unwrap()).collect()
    };
    assert_eq!((status, numbers(&whole), link), (200, vec![5, 4, 3, 2, 1], None));
    assert!(whole["_links"].get("next").is_none() && whole["results"][0]["authorId"] == "acc-jordan");
    let (_, first, link) = get("/wiki/api/v2/pages/4711/versions?limit=2&body-format=storage").await;
    let next = first["_links"]["next"].as_str().unwrap();
    assert!(next.starts_with("/wiki/api/v2/pages/4711/versions?") && link.unwrap().contains(next));
    assert!(first["results"][0]["page"]["body"]["storage"]["value"].is_string());
    assert_eq!((numbers(&first), numbers(&get(next).await.1)), (vec![5, 4], vec![3, 2]));
    let (_, old, _) = get("/wiki/api/v2/pages/4711?version=2&body-format=storage").await;
    assert_eq!((&old["status"], &old["title"]), (&json!("historical"), &json!("Redis failover 0")));
    let (_, one, _) = get("/wiki/api/v2/pages/4711/versions/2").await;
    assert_eq!((&one["prevVersion"], &one["nextVersion"]), (&json!(1), &json!(3)));
    let (status, missing, _) = get("/wiki/api/v2/pages/12").await;
    assert_eq!((status, &missing["errors"][0]["status"]), (404, &json!(404)));
    assert_eq!(get("/wiki/api/v2/spaces/98305/pages").await.1["results"].as_array().unwrap().len(), 3);
    world.draft_page("4711", "acc-marcus", "<p>half</p>").unwrap();
    assert_eq!(get("/wiki/api/v2/pages/4711?get-draft=true").await.1["status"], "draft");
    assert_eq!(get("/wiki/api/v2/pages/4711?get-draft=false").await.1["status"], "current");
}

#[tokio::test]
async fn strangers_are_turned_away_in_each_platforms_own_way() {
    let asked = Asked::start().await;
    let bare = reqwest::Client::builder().no_proxy().build().unwrap();
    let check = async |site: Site, path: &str, status: u16, body: &str| {
        let answer = bare.get(format!("{}{path}", asked.simulators.url(site))).send().await.unwrap();
        let (got, text) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert!(got == status && text.contains(body), "{site:?} {path}: {got} {text}");
    };
    check(Site::ArgoCd, "/api/v1/applications", 401, r#""code":16"#).await;
    check(Site::ArgoCd, "/api/v1/session/userinfo", 200, "{}").await;
    check(Site::GitHub, "/rate_limit", 403, "administrative rules").await;
    check(Site::PagerDuty, "/incidents", 401, "2006").await;
    check(Site::Prometheus, "/-/ready", 401, "Unauthorized").await;
    check(Site::Alertmanager, "/replica-2/api/v2/alerts", 401, "Unauthorized").await;
    check(Site::Datadog, "/api/v1/validate", 403, "API key required").await;
    check(Site::Notion, "/v1/users/me", 401, r#""code":"unauthorized""#).await;
    check(Site::Slack, "/api/auth.test", 200, r#""error":"not_authed""#).await;
    check(Site::Confluence, "/wiki/api/v2/pages/4711", 401, r#""message":"Unauthorized""#).await;
    check(Site::Terraform, "/api/v2/account/details", 401, r#""title":"unauthorized""#).await;
    check(Site::TerraformArchive, "/v1/object/x.1.y", 403, "expired").await;
}

#[tokio::test]
async fn the_stream_is_lines_of_json_to_who_does_not_ask_for_events() {
    let asked = Asked::start().await;
    let url = format!("{}/api/v1/stream/applications?projects=ledger", asked.simulators.url(Site::ArgoCd));
    let token = asked.simulators.world().argocd_token(Account::Reader);
    let mut answer = asked.client.get(url).bearer_auth(token).send().await.unwrap();
    let line = answer.chunk().await.unwrap().unwrap();
    assert!(line.ends_with(b"}\n"));
    let event: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(
        (&event["result"]["type"], &event["result"]["application"]["metadata"]["name"]),
        (&json!("ADDED"), &json!("ledger-worker"))
    );
}

#[tokio::test]
async fn auto_sync_syncs_by_itself_once() {
    let asked = Asked::start().await;
    asked.simulators.world().drift("identity").unwrap();
    let app = asked.until("identity", |app| app["status"]["operationState"]["phase"] == "Succeeded").await;
    assert_eq!(app["status"]["operationState"]["operation"]["initiatedBy"], json!({"automated": true}));
    asked.until("identity", |app| app["status"]["sync"]["status"] == "Synced").await;
}

#[tokio::test]
async fn a_plans_address_is_good_for_a_minute_and_takes_no_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clock");
    let pace = Pace {
        tick: std::time::Duration::from_secs(86_400),
        refresh: std::time::Duration::ZERO,
        ..Pace::default()
    };
    let clock = Clock::with_offset_file(file.clone());
    let setting = Setting { scenario: Scenario::Seeds, clock, pace, dir: None };
    let simulators = Simulators::start(setting).await.unwrap();
    let (world, base) = (simulators.world(), format!("{}/api/v2", simulators.url(Site::Terraform)));
    world.plan("billing-worker", "9b21c047e0c1", "aws_iam_role.x").unwrap();
    let client =
        reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let get = async |path: &str| {
        let token = world.token(Site::Terraform);
        client.get(format!("{base}{path}")).bearer_auth(token).send().await.unwrap()
    };
    let json = async |path: &str| {
        serde_json::from_str::<Value>(&get(path).await.text().await.unwrap()).unwrap()["data"].clone()
    };
    let workspace = json("/organizations/acme/workspaces/billing-worker").await;
    let runs = json(&format!("/workspaces/{}/runs", workspace["id"].as_str().unwrap())).await;
    let plan = runs[0]["relationships"]["plan"]["data"]["id"].as_str().unwrap().to_owned();
    let answer = get(&format!("/plans/{plan}/json-output-redacted")).await;
    assert_eq!(answer.status(), 307);
    let place = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(place.starts_with(&simulators.url(Site::TerraformArchive)), "{place}");
    let status = async |request: reqwest::RequestBuilder| request.send().await.unwrap().status().as_u16();
    assert_eq!(status(client.get(&place)).await, 200);
    assert_eq!(status(client.get(&place).bearer_auth(world.token(Site::Terraform))).await, 400);
    assert_eq!(status(client.get(place.replace(&plan, "plan-other"))).await, 403);
    std::fs::write(&file, "61").unwrap();
    assert_eq!(status(client.get(&place)).await, 403);
}

#[tokio::test]
async fn a_user_of_terraform_has_thirty_requests_a_second() {
    let asked = Asked::start().await;
    let world = asked.simulators.world();
    let url = format!("{}/api/v2/account/details", asked.simulators.url(Site::Terraform));
    let ask = |token: String| asked.client.get(&url).bearer_auth(token).send();
    let answers = futures_util::future::join_all((0..100).map(|_| ask(world.token(Site::Terraform)))).await;
    let over: Vec<_> =
        answers.into_iter().map(Result::unwrap).filter(|answer| answer.status() == 429).collect();
    let reset: f64 = over[0].headers()["x-ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!(reset > 0.0 && reset <= 1.0, "{reset}");
    assert_eq!(
        ask(world.terraform_executor_token()).await.unwrap().status(),
        200,
        "another user has another count"
    );
}
