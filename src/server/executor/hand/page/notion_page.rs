//! A page in Notion: the executor has no section for it.
//!
//! Never: a write.

use super::{Hand, Publication, Published, Sent, Warrant};
use crate::row::{base::NewPage, page::Page};

fn none<T>() -> Result<T, String> {
    Err(super::super::missing("notion"))
}

impl Hand {
    pub(super) async fn in_notion(&self, _: &Warrant, _: &Publication) -> Result<Published, String> {
        none()
    }
    pub(super) async fn new_in_notion(&self, _: &Warrant, _: &NewPage) -> Result<Published, String> {
        none()
    }
    pub(super) async fn create_in_notion(
        &self,
        _: &Warrant,
        _: &NewPage,
        _: &[serde_json::Value],
    ) -> Result<Sent, String> {
        none()
    }
    pub(super) async fn edit_in_notion(&self, _: &Page, _: &Publication) -> Result<Sent, String> {
        none()
    }
    pub(super) async fn commented_in_notion(&self, _: &Warrant, _: &Publication) -> Result<bool, String> {
        none()
    }
    pub(super) async fn comment_in_notion(
        &self,
        _: &Warrant,
        _: &Publication,
        _: &str,
    ) -> Result<Sent, String> {
        none()
    }
}
