//! Every answer that is no success: RFC 9457 with a stable code, a sentence and a hint.
//!
//! Never: an inner error's text to a stranger; what failed inside is logged, the caller gets the request's id.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use super::record::RecordError;
use crate::{row::Refusal, store::StoreError, wire};

/// An answer that says no.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) body: Box<wire::Problem>,
    pub(super) retry_after_s: Option<u64>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        let body = wire::Problem {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Refused").to_owned(),
            status: status.as_u16(),
            code: code.to_owned(),
            detail: detail.into(),
            hint: None,
            field: None,
            refusal: None,
        };
        Self { body: Box::new(body), retry_after_s: None }
    }

    pub(super) fn hint(mut self, hint: &str) -> Self {
        self.body.hint = Some(hint.to_owned());
        self
    }

    pub(super) fn field(mut self, field: &str) -> Self {
        self.body.field = Some(field.to_owned());
        self
    }

    pub(super) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    pub(super) fn bad_request(field: &str, why: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", format!("{field}: {why}")).field(field)
    }

    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what}"))
    }

    pub(super) fn unauthorised() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", "this needs a valid token")
            .hint("`dock login` signs in; agents read their token from `token_file`")
    }

    pub(super) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }
}

/// The status that tells programs which kind of no it is.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::BadStatement { .. } | Refusal::BadSignature { .. } | Refusal::NoteRequired { .. } => {
            StatusCode::BAD_REQUEST
        }
        Refusal::UnknownKey { .. }
        | Refusal::KeyExpired { .. }
        | Refusal::TouchRequired
        | Refusal::NotAuthorised { .. }
        | Refusal::NotOnCall { .. }
        | Refusal::OwnProposal { .. } => StatusCode::FORBIDDEN,
        Refusal::SourceUnreachable { .. } | Refusal::Busy | Refusal::Halted { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Refusal::ClaimMismatch { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::ForeignRecord { .. }
        | Refusal::StaleRevision { .. }
        | Refusal::ContentMismatch { .. }
        | Refusal::BaseMoved { .. }
        | Refusal::EditTouched { .. }
        | Refusal::AlreadyReviewed { .. }
        | Refusal::AlreadyDecided { .. }
        | Refusal::GoesAgainstVerdict { .. }
        | Refusal::OnHold { .. }
        | Refusal::EvidenceMoved { .. }
        | Refusal::Expired { .. }
        | Refusal::Overtaken { .. }
        | Refusal::AlreadyExecuting
        | Refusal::OutOfStep { .. }
        | Refusal::SubjectTaken { .. }
        | Refusal::TooManyRevisions { .. } => StatusCode::CONFLICT,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let mut problem =
            Self::new(status(&refusal), refusal.code(), refusal.sentence()).hint(&refusal.hint());
        problem.retry_after_s = refusal.passing().then_some(5);
        problem.body.refusal = Some(refusal);
        problem
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the store failed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "store_failed", error.to_string())
            .hint("nothing of this request was stored; it may be sent again")
            .retry_after(5)
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        if let RecordError::Store(error) = error {
            return error.into();
        }
        tracing::error!(%error, "no head could be signed");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "record_failed", error.to_string()).retry_after(5)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.body.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = (status, body).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
