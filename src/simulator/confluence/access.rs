//! Who comes over Confluence's API: two accounts of Dock's, by Basic with their address or by Bearer; one may not write.
//!
//! Never: a write by the token that has the scope to read.

use axum::{
    Extension,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::simulator::{PEOPLE, Site, bearer, pagerduty::capital, world::World};

/// Under which the executor's token is kept.
pub(in crate::simulator) const EXECUTOR: &str = "confluence-executor";

/// Accounts that are told of at once.
const BULK: usize = 100;
/// The account of somebody who left.
const GONE: &str = "acc-gone";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum User {
    Reader,
    Executor,
}

impl User {
    /// The account's id.
    pub(super) fn account(self) -> &'static str {
        match self {
            User::Reader => "acc-dock-reader",
            User::Executor => "acc-dock-executor",
        }
    }

    fn name(self) -> &'static str {
        match self {
            User::Reader => "Dock (reads)",
            User::Executor => "Dock",
        }
    }

    pub(super) fn email(self) -> &'static str {
        match self {
            User::Reader => "dock-reader@acme.example",
            User::Executor => "dock@acme.example",
        }
    }

    fn token(self, world: &World) -> String {
        match self {
            User::Reader => world.token(Site::Confluence),
            User::Executor => world.confluence_executor_token(),
        }
    }

    /// Whom a request's credential belongs to.
    fn of(headers: &HeaderMap, world: &World) -> Option<User> {
        let (email, token) = match bearer(headers) {
            Some(token) => (None, token.to_owned()),
            None => pair(headers).map(|(email, token)| (Some(email), token))?,
        };
        [User::Reader, User::Executor].into_iter().find(|user| {
            let known = user.token(world);
            !known.is_empty() && token == known && email.as_ref().is_none_or(|email| email == user.email())
        })
    }
}

fn pair(headers: &HeaderMap) -> Option<(String, String)> {
    let coded = headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(coded).ok()?).ok()?;
    let (email, token) = text.split_once(':')?;
    Some((email.to_owned(), token.to_owned()))
}

/// The header of an account with its token.
pub(in crate::simulator) fn basic(email: &str, token: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{email}:{token}")))
}

pub(super) async fn at_the_door(State(world): State<World>, mut request: Request, next: Next) -> Response {
    let mut response = match User::of(request.headers(), &world) {
        None => gateway("Unauthorized"),
        Some(User::Reader) if request.method() != Method::GET => {
            gateway("Unauthorized; scope does not match")
        }
        Some(user) => {
            request.extensions_mut().insert(user);
            next.run(request).await
        }
    };
    let trace = world.quietly(|state, _| format!("{:016x}", state.confluence.next_trace()));
    if let Ok(trace) = HeaderValue::from_str(&trace) {
        response.headers_mut().insert("atl-traceid", trace);
    }
    response
}

/// The gateway stands before the site and has its own shape.
fn gateway(message: &str) -> Response {
    super::answer(StatusCode::UNAUTHORIZED, &json!({"code": 401, "message": message})).into_response()
}

/// What an account is called; privacy leaves some without a name.
fn called(account: &str) -> Option<String> {
    let own = [User::Reader, User::Executor].into_iter().find(|user| user.account() == account);
    let person = || PEOPLE.into_iter().find(|name| account.strip_prefix("acc-") == Some(name)).map(capital);
    own.map(|user| user.name().to_owned()).or_else(person)
}

/// Those of the accounts that there are, in the older interface. It takes some at once.
pub(super) async fn bulk(Query(query): Query<Vec<(String, String)>>) -> Response {
    let accounts =
        query.iter().filter(|(name, _)| name == "accountId").take(BULK).map(|(_, account)| account);
    let user = |account: &String| {
        let name = if account == GONE { "Former user".to_owned() } else { called(account)? };
        Some(json!({"type": "known", "accountId": account, "accountType": "atlassian", "email": "",
            "publicName": name, "displayName": if account == GONE { "" } else { name.as_str() }}))
    };
    let all: Vec<_> = accounts.filter_map(user).collect();
    let size = all.len();
    super::answer(StatusCode::OK, &json!({"results": all, "start": 0, "limit": BULK, "size": size}))
}

pub(super) async fn current(Extension(user): Extension<User>) -> Response {
    let body = json!({"type": "known", "accountId": user.account(), "accountType": "atlassian",
        "email": user.email(), "publicName": user.name(), "displayName": user.name()});
    super::answer(StatusCode::OK, &body)
}
