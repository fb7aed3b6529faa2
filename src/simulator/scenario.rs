//! What the world is like when it begins, and what happens in it by plan.
//!
//! Scenario `seeds`: payments-api falls three commits behind main, checkout-web gets a feature flag switched by hand during
//! INC-771, ledger-worker's chart is bumped by a patch release. Of the services that are deployed by pipelines,
//! billing-worker burns its error budget, checkout-api has spent it, search-indexer is calm. The rest is healthy. Three
//! incidents are over, and left runbooks behind that say what is no longer so; two of those lie in Confluence. A
//! fourth opens a little later, and its runbook is followed while people look.
//! Never: a row. Rows come from agents that read these facts over HTTP.

pub(super) mod gates;
mod pages;
mod runbooks;
pub(super) mod tonight;

use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use super::{
    Account, SimulatorError, Site,
    argocd::app::App,
    confluence,
    git::{Draft, Repository},
    github,
    manifest::{self, Service},
    notion,
    pagerduty::{Incident, Pager},
    slack, telemetry, terraform,
    world::{APPLICATION_KEY, State},
};

/// The worlds there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scenario {
    #[default]
    Seeds,
}

impl Scenario {
    pub fn named(name: &str) -> Option<Scenario> {
        (name == "seeds").then_some(Scenario::Seeds)
    }
}

const PAYMENTS: &str = "payments-api";
const CHECKOUT: &str = "checkout-web";
const LEDGER: &str = "ledger-worker";
const BILLING: &str = "billing-worker";
const CHECKOUT_API: &str = "checkout-api";
const SEARCH: &str = "search-indexer";
const FLAG: &str = "express_checkout";
const INCIDENT: u64 = 771;

/// One service of the estate, as it runs when the world begins.
struct Estate {
    name: &'static str,
    project: &'static str,
    env: &'static str,
    version: &'static str,
    replicas: u32,
    /// The number of its last pull request.
    pull: u64,
    policy: &'static str,
    flags: &'static [(&'static str, &'static str)],
}

const ESTATE: [Estate; 9] = [
    service(
        PAYMENTS,
        "payments",
        "production",
        "2.14.0",
        4,
        4409,
        "Payments",
        &[("card_tokens", "true"), ("instant_refund", "false")],
    ),
    service(
        CHECKOUT,
        "checkout",
        "production",
        "5.31.2",
        6,
        2977,
        "Checkout",
        &[(FLAG, "true"), ("express_retry", "on"), ("gift_cards", "true")],
    ),
    service(LEDGER, "ledger", "staging", "2.4.1", 2, 618, "Ledger", &[("batch_close", "true")]),
    service(CHECKOUT_API, "checkout", "production", "3.8.5", 6, 1764, "Checkout", &[("cart_merge", "true")]),
    service(SEARCH, "search", "production", "1.20.3", 3, 902, "Platform", &[("synonyms", "true")]),
    service(BILLING, "billing", "production", "4.2.0", 2, 1310, "Payments", &[("dunning", "true")]),
    service(
        "notifications",
        "messaging",
        "staging",
        "0.9.14",
        1,
        455,
        "Platform",
        &[("digest_mail", "false")],
    ),
    service("identity", "identity", "production", "7.1.1", 3, 2051, "Platform", &[("passkeys", "true")]),
    service("image-resizer", "media", "production", "1.6.0", 2, 233, "Platform", &[("avif", "true")]),
];

#[expect(clippy::too_many_arguments, reason = "one line of the table above")]
const fn service(
    name: &'static str,
    project: &'static str,
    env: &'static str,
    version: &'static str,
    replicas: u32,
    pull: u64,
    policy: &'static str,
    flags: &'static [(&'static str, &'static str)],
) -> Estate {
    Estate { name, project, env, version, replicas, pull, policy, flags }
}

/// The world at its beginning.
pub(super) fn state(scenario: Scenario, now: Timestamp) -> Result<State, SimulatorError> {
    let Scenario::Seeds = scenario;
    let installed = before(now, 60 * 24 * 9);
    let (mut apps, mut repositories) = (vec![], vec![]);
    for estate in &ESTATE {
        let repository = repository(estate, installed);
        let mut app =
            App::installed(estate.name, (estate.project, estate.env), source(estate), &repository, installed);
        if estate.name == "identity" {
            app.automated = Some(json!({"prune": true, "selfHeal": false}));
        }
        app.reconcile(&repository, now);
        apps.push(app);
        repositories.push(repository);
    }
    let mut state = State::new(apps, repositories, pager(now), &[PAYMENTS, CHECKOUT, LEDGER]);
    for account in [Account::Agent, Account::Executor, Account::Reader] {
        state.tokens.insert(account.username().to_owned(), token()?);
    }
    for site in Site::ALL.into_iter().filter(|site| *site != Site::ArgoCd) {
        state.tokens.insert(site.name().to_owned(), token()?);
    }
    for name in [APPLICATION_KEY, confluence::EXECUTOR, notion::EXECUTOR, slack::WRITER, terraform::EXECUTOR]
    {
        state.tokens.insert(name.to_owned(), token()?);
    }
    measure(&mut state, now);
    state.tokens.insert(github::WRITER.to_owned(), token()?);
    state.terraform.add_workspace(BILLING);
    state.confluence = pages::wiki(installed)?;
    tonight::page(&mut state.confluence, installed)?;
    runbooks::region_page(&mut state, installed)?;
    gates::begin(&mut state, installed, now);
    talk(&mut state, now);
    state.begin_plan(now);
    Ok(state)
}

/// What the services measure of themselves: billing-worker burns at 4 over both windows of an hour and of six,
/// checkout-api has spent 92 % of its month's budget, search-indexer's p95 has not moved for a fortnight, nobody measures
/// notifications.
fn measure(state: &mut State, now: Timestamp) {
    state.telemetry = telemetry::calm(ESTATE.iter().map(|estate| estate.name), &["notifications"]);
    state.slo(BILLING).burn(before(now, 60 * 7), 4.0);
    state.slo(CHECKOUT_API).spent(now, 0.92);
    state.slo(SEARCH).p95(0.21);
    runbooks::measure(state, now);
    tonight::measure(state);
}

/// People talk about the incident in its channel; what they say elsewhere Dock's app does not hear.
fn talk(state: &mut State, now: Timestamp) {
    let chat = &mut state.chat;
    for person in super::PEOPLE {
        chat.add_user(person);
    }
    for (name, member) in [("general", true), ("deploys", true), ("random", false)] {
        chat.add_channel(name, member);
    }
    let channel = format!("inc-{INCIDENT}");
    chat.add_channel(&channel, true);
    for (minutes, who, text) in [
        (13, "sarah", "Express checkout is failing at the provider, I take this."),
        (12, "priya", "Regular checkout looks fine, 6 % of checkouts are hit."),
        (9, "sarah", "Provider says degraded, no estimate."),
    ] {
        chat.say(&channel, who, before(now, minutes), text, None);
    }
    runbooks::talk(state, now);
}

/// Billing-worker's infrastructure is planned for a commit: a run in its workspace, which adds an IAM role.
fn plan_for(state: &mut State, commit: &str, now: Timestamp) {
    let role = terraform::resource(
        "aws_iam_role.billing_export",
        &["create"],
        Value::Null,
        json!({"name": "billing-export", "path": "/", "max_session_duration": 3600,
            "assume_role_policy": "{\"Version\":\"2012-10-17\"}"}),
    );
    let bucket = json!({"bucket": "acme-invoices"});
    let same = terraform::resource("aws_s3_bucket.invoices", &["no-op"], bucket.clone(), bucket);
    state.terraform.plan(BILLING, commit, vec![role, same], now);
}

/// The planned drift of an application.
pub(super) fn drift(state: &mut State, app: &str, now: Timestamp) {
    match app {
        PAYMENTS => {
            if let Some(repository) = state.repositories.get_mut("acme/payments-api") {
                ship_idempotency(repository, now);
            }
        }
        CHECKOUT => {
            // The application exists in this scenario; another scenario has another plan.
            let _ = state.toggle_by_hand(CHECKOUT, FLAG, "false", now);
            if let Some(incident) =
                state.pager.incidents.iter_mut().find(|incident| incident.number == INCIDENT)
            {
                incident.note("sarah", now, TOGGLED);
            }
        }
        LEDGER => {
            if let Some(repository) = state.repositories.get_mut("acme/ledger-worker") {
                next_chart(repository, now);
            }
        }
        _ => {}
    }
}

const TOGGLED: &str = "Switched express_checkout to \"false\" by hand in the config map checkout-web-flags (kubectl edit). \
    Errors are falling. Leave it off until the payment provider confirms its fix; a sync would turn it on again.";

fn source(estate: &Estate) -> Value {
    match estate.name {
        LEDGER => {
            json!({"repoURL": "https://acme.github.io/ledger-worker", "chart": LEDGER, "targetRevision": "~2.4.0"})
        }
        name => {
            json!({"repoURL": format!("https://github.com/acme/{name}.git"), "path": "deploy", "targetRevision": "main"})
        }
    }
}

fn manifests(estate: &Estate, version: &str, chart: Option<String>) -> Vec<Value> {
    manifest::service(&Service {
        name: estate.name,
        namespace: estate.project,
        image: format!("ghcr.io/acme/{}:{version}", estate.name),
        replicas: estate.replicas,
        env: &[("LOG_LEVEL", "info"), ("OTEL_SERVICE_NAME", estate.name), ("REGION", "eu-central-1")],
        flags: estate.flags,
        chart,
    })
}

/// A service's repository up to what runs.
fn repository(estate: &Estate, at: Timestamp) -> Repository {
    let mut repository = Repository::new(&format!("acme/{}", estate.name));
    let draft = |message, pull, code| Draft {
        author: "priya",
        date: before(at, 90),
        message,
        pull,
        code,
        texts: &[],
        manifests: None,
    };
    repository.commit(draft(
        "Start from the service template",
        None,
        &[("README.md", 40, 0), ("src/main.rs", 85, 0)],
    ));
    let message = format!("Log the request id with every outgoing call (#{})", estate.pull);
    repository.commit(draft(&message, Some(estate.pull), &[("src/client/mod.rs", 18, 6)]));
    let deployed = manifests(estate, estate.version, None);
    repository.commit(Draft {
        author: "release-bot",
        date: before(at, 12),
        message: &format!("deploy: {} {}", estate.name, estate.version),
        pull: None,
        code: &[],
        texts: &[],
        manifests: Some(deployed),
    });
    if estate.name == LEDGER {
        let chart = manifests(estate, estate.version, Some(format!("{LEDGER}-{}", estate.version)));
        repository.release(
            estate.version,
            "### Fixed\n\n- Close batches at midnight of the ledger's own zone\n",
            before(at, 10),
            chart,
        );
    }
    repository
}

/// Three commits on main: the fix of #4412, its test, and the image that carries it.
fn ship_idempotency(repository: &mut Repository, now: Timestamp) {
    repository.commit(Draft {
        author: "govind",
        date: before(now, 41),
        message: "Idempotency fix: a retried capture reuses the key of its payment (#4412)\n\n\
            A client that retried after a timeout could capture twice. The idempotency key of the first attempt is kept \
            with the payment and sent again. No schema change: the key lives in the existing metadata column.",
        pull: Some(4412),
        code: &[("src/capture/idempotency.rs", 74, 9), ("src/capture/mod.rs", 12, 5)],
        texts: &[],
        manifests: None,
    });
    repository.commit(Draft {
        author: "govind",
        date: before(now, 33),
        message: "Test double submits against the provider's sandbox",
        pull: None,
        code: &[("tests/double_submit.rs", 58, 0)],
        texts: &[],
        manifests: None,
    });
    let next = manifest::with_image(repository.manifests_at_head(), "ghcr.io/acme/payments-api:2.14.1");
    repository.commit(Draft {
        author: "release-bot",
        date: before(now, 6),
        message: "deploy: payments-api 2.14.1",
        pull: None,
        code: &[],
        texts: &[],
        manifests: Some(next),
    });
}

/// One commit of code by a pull request, and one that puts its image into `deploy/`.
pub(super) fn next_image(repository: &mut Repository, name: &str, now: Timestamp) {
    let number = repository.next_pull();
    let image = manifest::image(repository.manifests_at_head()).unwrap_or_default().to_owned();
    let next = manifest::next_patch(&image);
    let version = next.rsplit(':').next().unwrap_or_default().to_owned();
    repository.commit(Draft {
        author: "marcus",
        date: now,
        message: &format!("Shorten the retry pause of outgoing calls (#{number})"),
        pull: Some(number),
        code: &[("src/client/retry.rs", 11, 4), ("src/client/retry_test.rs", 24, 2)],
        texts: &[],
        manifests: None,
    });
    let manifests = manifest::with_image(repository.manifests_at_head(), &next);
    repository.commit(Draft {
        author: "release-bot",
        date: now,
        message: &format!("deploy: {name} {version}"),
        pull: None,
        code: &[],
        texts: &[],
        manifests: Some(manifests),
    });
}

/// The next patch release of a chart, which updates dependencies and nothing else.
pub(super) fn next_chart(repository: &mut Repository, now: Timestamp) {
    let Some(last) = repository.releases.last() else { return };
    let (version, name) = (manifest::next_patch(&last.version), repository.full_name.replace("acme/", ""));
    let mut chart = last.manifests.clone();
    for object in &mut chart {
        object["metadata"]["labels"]["helm.sh/chart"] = json!(format!("{name}-{version}"));
    }
    let chart = manifest::with_image(&chart, &format!("ghcr.io/acme/{name}:{version}"));
    repository.commit(Draft {
        author: "renovate",
        date: before(now, 18),
        message: &format!("chore(deps): update dependencies for {version} (#{})", repository.next_pull()),
        pull: Some(repository.next_pull()),
        code: &[("Cargo.lock", 31, 31), ("chart/Chart.yaml", 2, 2)],
        texts: &[],
        manifests: None,
    });
    let notes = "### Dependencies\n\n- Bump rdkafka from 0.36.2 to 0.37.0\n- Bump tokio from 1.44.1 to 1.44.2\n\
        - Bump the base image debian from 12.10 to 12.11\n";
    repository.release(&version, notes, before(now, 4), chart);
}

/// Everybody but the administrator is on call somewhere.
fn pager(now: Timestamp) -> Pager {
    let policy = |name: &str, people: &[&str]| {
        (name.to_owned(), people.iter().map(|&person| person.to_owned()).collect())
    };
    let mut incident = Incident::new(
        INCIDENT,
        CHECKOUT,
        "Express checkout times out at the payment provider, 6 % of checkouts fail",
        "The provider's express endpoint answers after 30 s or not at all. Regular checkout is not affected. The feature flag \
        express_checkout takes the button away.",
        before(now, 14),
    );
    incident.acknowledge("sarah", before(now, 11));
    incident.note(
        "sarah",
        before(now, 8),
        "The provider confirmed: express endpoint degraded, no estimate yet.",
    );
    let services = ESTATE.iter().map(|estate| (estate.name, estate.policy));
    let services = services.chain(runbooks::SERVICES).chain(tonight::SERVICES);
    Pager {
        incidents: std::iter::once(incident).chain(runbooks::incidents(now)).collect(),
        services: services.map(|(name, policy)| (name.to_owned(), policy.to_owned())).collect(),
        policies: vec![
            policy("Payments", &["govind", "priya"]),
            policy("Checkout", &["sarah", "govind"]),
            policy("Ledger", &["jordan", "marcus"]),
            policy("Platform", &["priya", "jordan", "marcus"]),
            policy(runbooks::GATEWAY.0, runbooks::GATEWAY.1),
        ],
        ..Pager::default()
    }
}

fn before(at: Timestamp, minutes: i64) -> Timestamp {
    at.saturating_sub(SignedDuration::from_mins(minutes)).unwrap_or(at)
}

pub(super) fn token() -> Result<String, SimulatorError> {
    let mut bytes = [0_u8; 24];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SimulatorError::Random)?;
    Ok(bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}")))
}
