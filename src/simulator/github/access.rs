//! Who calls, what they may, how much: tokens, two Apps with their JWTs and narrowed tokens, the hour's count, slow-downs.
//!
//! Never: a right that the token was not given; a repository beyond its reach, which is a 404.

use std::collections::BTreeMap;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::{PrivatePkcs1KeyDer, pem::PemObject};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Answer, No};
use crate::simulator::{
    Site,
    manifest::seconds,
    world::{State as WorldState, World},
};

pub(super) const APP: u64 = 424_242;
pub(super) const INSTALLATION: u64 = 5_150;
/// The App that owns the environments' rules.
pub(super) const SLUG: &str = "dock-gate";

/// An App of the organisation, installed on all of its repositories.
pub(super) struct App {
    pub(super) id: u64,
    pub(super) installation: u64,
    slug: &'static str,
    name: &'static str,
    /// Its private key. It opens nothing but simulated platforms.
    pub(super) key: &'static str,
    /// The most that it was granted of anything.
    most: Level,
    /// It may answer the environments' rules, which are its own.
    owns_rules: bool,
}

/// The one that answers, and one that reads.
pub(super) static APPS: [App; 2] = [
    App {
        id: APP,
        installation: INSTALLATION,
        slug: SLUG,
        name: "Dock gate",
        key: include_str!("app.pem"),
        most: Level::Write,
        owns_rules: true,
    },
    App {
        id: 424_243,
        installation: 5_151,
        slug: "dock-reads",
        name: "Dock reads",
        key: include_str!("reader.pem"),
        most: Level::Read,
        owns_rules: false,
    },
];
/// In `State::tokens`: a fine-grained token that may write.
pub(in crate::simulator) const WRITER: &str = "github-writer";

const LIMIT: u32 = 5_000;
const WINDOW_S: i64 = 3_600;
const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(1);
const JWT_LIFE_MAX_S: i64 = 600;

/// What may be granted, and how far.
const GRANTED: [(&str, Level); 8] = [
    ("actions", Level::Write),
    ("checks", Level::Read),
    ("contents", Level::Write),
    ("deployments", Level::Write),
    ("environments", Level::Read),
    ("metadata", Level::Read),
    ("pull_requests", Level::Read),
    ("statuses", Level::Read),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Read,
    Write,
}

/// Whom a credential stands for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Caller {
    /// What its calls are counted by.
    counted: String,
    permissions: BTreeMap<String, Level>,
    /// `owner/name`; `None`: all.
    repositories: Option<Vec<String>>,
    /// It signed as an App itself, which may ask for tokens and deliveries alone.
    is_app: bool,
    /// Which App that is.
    #[serde(default)]
    app: u64,
    /// It may answer the App's rules.
    pub(super) owns_rules: bool,
}

impl Caller {
    pub(super) fn reaches(&self, repo: &str) -> bool {
        !self.is_app && self.repositories.as_ref().is_none_or(|all| all.iter().any(|one| one == repo))
    }

    /// May it do that below a repository?
    pub(super) fn may(&self, method: &Method, below: &[&str]) -> bool {
        let writes = *method != Method::GET;
        let permission = match below {
            ["actions", "runs", _, "deployment_protection_rule"] => "deployments",
            ["actions" | "environments", ..] => "actions",
            ["deployments", ..] => "deployments",
            ["commits", _, "check-runs"] => "checks",
            ["commits", _, "status"] => "statuses",
            ["commits", _, "pulls"] | ["pulls", ..] => "pull_requests",
            [] | [""] => return !writes,
            _ => "contents",
        };
        let needed = if writes { Level::Write } else { Level::Read };
        self.permissions.get(permission).is_some_and(|level| *level >= needed)
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Access {
    /// Installation tokens.
    issued: BTreeMap<String, Issued>,
    /// How many there were.
    pub(super) bought: usize,
    pub(super) limit: u32,
    /// Answers that are refused as too fast: how many more, and the seconds that are told.
    pub(super) slow: Option<(u32, Option<u64>)>,
    /// By caller: when the hour began, and the calls in it.
    #[serde(skip)]
    calls: BTreeMap<String, (i64, u32)>,
    /// What was asked, by who and for what; ids are left out.
    #[serde(skip)]
    asked: BTreeMap<(String, String), GithubCalls>,
}

/// How often something was asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GithubCalls {
    /// That the hour's limit counts.
    pub counted: u32,
    /// That cost nothing: not modified since.
    pub free: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Issued {
    caller: Caller,
    until: Timestamp,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            issued: BTreeMap::new(),
            bought: 0,
            limit: LIMIT,
            slow: None,
            calls: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }
}

impl Access {
    /// GitHub's no to a call, if it limits this caller now.
    pub(super) fn refuse(&mut self, caller: &Caller, free: bool, now: Timestamp) -> Option<Response> {
        if let Some((left, wait)) = self.slow {
            self.slow = Some((left - 1, wait)).filter(|(left, _)| *left > 0);
            let said =
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
            let mut headers = HeaderMap::new();
            if let Some(wait) = wait {
                headers.insert("retry-after", HeaderValue::from(wait));
            }
            let body = Json(json!({"message": said, "status": "403"}));
            return Some((StatusCode::FORBIDDEN, headers, body).into_response());
        }
        let used = self.window(caller, now).1;
        (!free && used >= self.limit).then(|| {
            let said = format!("API rate limit exceeded for {}.", caller.counted);
            (StatusCode::FORBIDDEN, Json(json!({"message": said, "status": "403"}))).into_response()
        })
    }

    /// Remembers what was asked: a path without what is particular in it.
    pub(super) fn note(&mut self, caller: &Caller, path: &str, counts: bool) {
        let plain = |part: &&str| part.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '-'));
        // `repos/OWNER/NAME/…`, `repositories/ID/…`.
        let skipped = match path.split('/').nth(1) {
            Some("repos") => 4,
            Some("repositories") => 3,
            _ => 1,
        };
        let below = path.split('/').skip(skipped);
        let shape: Vec<&str> = below.map(|part| if plain(&part) { part } else { "*" }).collect();
        let calls = self.asked.entry((caller.counted.clone(), shape.join("/"))).or_default();
        *(if counts { &mut calls.counted } else { &mut calls.free }) += 1;
    }

    /// Counts a call, and tells what the headers say.
    pub(super) fn count(
        &mut self,
        caller: &Caller,
        counts: bool,
        now: Timestamp,
    ) -> [(&'static str, i64); 4] {
        let limit = self.limit;
        let window = self.window(caller, now);
        if counts && window.1 < limit {
            window.1 += 1;
        }
        let (began, used) = *window;
        [
            ("x-ratelimit-limit", i64::from(limit)),
            ("x-ratelimit-remaining", i64::from(limit.saturating_sub(used))),
            ("x-ratelimit-used", i64::from(used)),
            ("x-ratelimit-reset", began + WINDOW_S),
        ]
    }

    fn window(&mut self, caller: &Caller, now: Timestamp) -> &mut (i64, u32) {
        let window = self.calls.entry(caller.counted.clone()).or_insert((now.as_second(), 0));
        if now.as_second() >= window.0 + WINDOW_S {
            *window = (now.as_second(), 0);
        }
        window
    }

    /// How often each was asked, by who and for what.
    pub(super) fn asked(&self) -> BTreeMap<(String, String), GithubCalls> {
        self.asked.clone()
    }

    /// Every installation token ends now.
    pub(super) fn expire(&mut self) {
        self.issued.clear();
    }
}

impl WorldState {
    /// Whom a bearer stands for now.
    pub(super) fn caller(&self, bearer: &str, now: Timestamp) -> Option<Caller> {
        let all = |most: Level| GRANTED.map(|(name, level)| (name.to_owned(), level.min(most))).into();
        let caller = |counted: &str, permissions, is_app, owns_rules| Caller {
            counted: counted.to_owned(),
            permissions,
            repositories: None,
            is_app,
            app: APP,
            owns_rules,
        };
        let is = |name: &str| self.tokens.get(name).is_some_and(|token| token == bearer);
        if is(Site::GitHub.name()) {
            return Some(caller("user ID 2", all(Level::Read), false, false));
        }
        if is(WRITER) {
            return Some(caller("user ID 3", all(Level::Write), false, true));
        }
        if let Some(issued) = self.github.access.issued.get(bearer) {
            return (now < issued.until).then(|| issued.caller.clone());
        }
        let app = APPS.iter().find(|app| signed_by(app, bearer, now))?;
        Some(Caller { app: app.id, ..caller("the App", BTreeMap::new(), true, false) })
    }
}

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: Value,
}

impl App {
    fn of(caller: &Caller) -> Option<&'static Self> {
        APPS.iter().find(|app| app.id == caller.app)
    }

    fn granted(&self) -> BTreeMap<String, Level> {
        GRANTED.map(|(name, level)| (name.to_owned(), level.min(self.most))).into()
    }
}

/// Is it a JWT of this App that holds now?
fn signed_by(app: &App, jwt: &str, now: Timestamp) -> bool {
    let Some((text, signature)) = jwt.rsplit_once('.') else { return false };
    let Some((header, claims)) = text.split_once('.') else { return false };
    let unpacked = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let header = unpacked(header).and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
    let claims = unpacked(claims).and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok());
    let (Some(header), Some(claims), Some(signature)) = (header, claims, unpacked(signature)) else {
        return false;
    };
    let Some(key) = PrivatePkcs1KeyDer::from_pem_slice(app.key.as_bytes()).ok() else { return false };
    let Ok(pair) = RsaKeyPair::from_der(key.secret_pkcs1_der()) else { return false };
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref());
    let now = now.as_second();
    let mine = claims.iss == json!(app.id) || claims.iss == json!(app.id.to_string());
    let timely = claims.iat <= now && now < claims.exp && claims.exp <= now + JWT_LIFE_MAX_S;
    header["alg"] == "RS256" && mine && timely && public.verify(text.as_bytes(), &signature).is_ok()
}

pub(super) fn routes() -> Router<World> {
    Router::new().route("/app", get(app)).route("/app/installations/{id}/access_tokens", post(access_token))
}

/// Who signed as an App.
pub(super) fn only_app(caller: &Caller) -> Result<&'static App, No> {
    let words = "A JSON web token could not be decoded";
    App::of(caller).filter(|_| caller.is_app).ok_or_else(|| No::Unauthorised(words.to_owned()))
}

async fn app(caller: axum::Extension<Caller>) -> Answer {
    let app = only_app(&caller)?;
    let permissions = app.granted();
    Ok(Json(
        json!({"id": app.id, "slug": app.slug, "name": app.name, "owner": {"login": "acme"}, "permissions": permissions,
        "events": ["deployment_protection_rule", "workflow_run", "deployment_status"], "installations_count": 1}),
    ))
}

#[derive(Default, Deserialize)]
struct Wanted {
    repositories: Option<Vec<String>>,
    repository_ids: Option<Vec<u64>>,
    permissions: Option<BTreeMap<String, Level>>,
}

async fn access_token(
    State(world): State<World>,
    caller: axum::Extension<Caller>,
    Path(id): Path<u64>,
    body: Bytes,
) -> Result<Response, No> {
    let app = only_app(&caller)?;
    if id != app.installation {
        return Err(No::NotFound);
    }
    let malformed = |_| No::Refused("Problems parsing JSON".to_owned());
    let wanted: Wanted =
        if body.is_empty() { Wanted::default() } else { serde_json::from_slice(&body).map_err(malformed)? };
    let granted = app.granted();
    let permissions = wanted.permissions.unwrap_or_else(|| granted.clone());
    if permissions.iter().any(|(name, level)| granted.get(name).is_none_or(|most| level > most)) {
        return Err(No::Refused(
            "The permissions requested are not granted to this installation.".to_owned(),
        ));
    }
    let token = super::super::scenario::token().map_err(|_| No::NotFound)?;
    world.edit(|state, now| {
        let named = |name: &String| state.repositories.contains_key(&format!("acme/{name}"));
        let numbered = |id: &u64| state.repositories.keys().find(|name| super::Hub::number(name) == *id).cloned();
        let unknown = || {
            let words = "There is at least one repository that does not exist or is not accessible to the parent installation.";
            No::Refused(words.to_owned())
        };
        let repositories = match (wanted.repositories, wanted.repository_ids) {
            (Some(names), _) if names.iter().all(named) => {
                Some(names.iter().map(|name| format!("acme/{name}")).collect())
            }
            (None, Some(ids)) => Some(ids.iter().map(numbered).collect::<Option<Vec<_>>>().ok_or_else(unknown)?),
            (None, None) => None,
            (Some(_), _) => return Err(unknown()),
        };
        let until = now.saturating_add(TOKEN_LIFE).unwrap_or(now);
        let token = format!("ghs_{token}");
        let caller = Caller {
            counted: format!("installation ID {}", app.installation),
            permissions: permissions.clone(),
            repositories: repositories.clone(),
            is_app: false,
            app: app.id,
            owns_rules: app.owns_rules,
        };
        state.github.access.issued.retain(|_, issued| now < issued.until);
        state.github.access.bought += 1;
        state.github.access.issued.insert(token.clone(), Issued { caller, until });
        let mut told = json!({"token": token, "expires_at": seconds(until), "permissions": permissions,
            "repository_selection": if repositories.is_some() { "selected" } else { "all" }});
        if let Some(all) = repositories {
            told["repositories"] =
                all.iter().map(|name| json!({"id": super::Hub::number(name), "full_name": name})).collect();
        }
        Ok((StatusCode::CREATED, Json(told)).into_response())
    })
}
