//! Evidence, page text, diffs, plans: by their digest, unchangeable.
//!
//! Never: bytes under another digest than their own.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    app::App,
    identity::Caller,
    input::{Named, Raw},
    problem::Problem,
};
use crate::{row::Digest, store::Commit};

pub(super) async fn put(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(digest): Named<Digest>,
    Raw(bytes): Raw,
) -> Result<StatusCode, Problem> {
    caller.agent()?;
    app.writable()?;
    let is = Digest::of(&bytes);
    if is != digest {
        return Err(Problem::bad_request("path", &format!("these bytes have the digest {is}")));
    }
    app.limits.draft(&caller.id, app.clock.now())?;
    app.store.commit(Commit { blobs: vec![bytes.to_vec()], ..Commit::at(app.clock.now()) }).await?;
    Ok(StatusCode::CREATED)
}

pub(super) async fn get(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(digest): Named<Digest>,
) -> Result<Response, Problem> {
    caller.may_read()?;
    let bytes = app.store.blob(digest).await?.ok_or_else(|| Problem::not_found(&format!("blob {digest}")))?;
    let kinds = [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((kinds, bytes).into_response())
}
