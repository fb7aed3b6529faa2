//! What is asked of the backend and answered once: why a line is on its page, how a base is now, and a halt.
//!
//! Never: told as if it were all, where the backend was not asked.

use jiff::Timestamp;

use super::super::{Answer, WhyTold};
use super::Net;
use crate::client::{Cache, StoreError, bodies, why};
use crate::row::search::Query;
use crate::wire::{HaltRequest, RowView};

/// Rows about one page that are read to tell why a line of it is there.
const WHY_ROWS_MAX: usize = 200;

impl Net<'_> {
    /// Why lines stand on their pages, one at a time and the newest alone: many rows are read for one answer.
    pub(super) async fn whys(&self) {
        loop {
            self.kick_why.notified().await;
            let Some((visit, page, line)) = self.wondered.take() else { continue };
            let told = Box::new(self.why(&page, &line).await);
            self.tell(Answer::Why { visit, told });
        }
    }

    /// Bases as they are now, one at a time and the newest alone.
    pub(super) async fn bases(&self) {
        loop {
            self.kick_base.notified().await;
            let Some(row) = self.wanted.take() else { continue };
            let fresh = match self.api().await {
                Ok(api) => api.fresh(row).await.map(Box::new).map_err(|error| error.to_string()),
                Err(why) => Err(why),
            };
            self.tell(Answer::Fresh { row, fresh });
        }
    }

    pub(super) async fn halt(&self, note: String) -> String {
        let halted = match self.api().await {
            Ok(api) => {
                let request = HaltRequest { agent: None, note };
                api.halt(&request).await.map_err(|error| error.to_string())
            }
            Err(why) => Err(why),
        };
        match halted {
            Ok(()) => {
                self.kick_feed.notify_one();
                "Halted. Waiting rows keep their time; what runs is followed to its end.".to_owned()
            }
            Err(why) => format!("NOT halted: {why}"),
        }
    }

    /// From the backend; where it is away, from what is kept here, which is not everything.
    async fn why(&self, page: &str, line: &str) -> WhyTold {
        let query = why::of_page(vec![page.to_owned()]);
        let (views, away) = match self.rows_of(&query).await {
            Ok(views) => (views, None),
            Err(why) => {
                let cache = self.cache.borrow();
                let as_of = cache.as_of().ok().flatten().map(|as_of| as_of.as_of);
                match kept(&cache, &query, self.now()) {
                    Ok(views) => (views, Some((why, as_of))),
                    Err(error) => (Vec::new(), Some((format!("{why}; {error}"), None))),
                }
            }
        };
        WhyTold { line: why::of_shown(line, &views), views, away }
    }

    async fn rows_of(&self, query: &Query) -> Result<Vec<RowView>, String> {
        let api = self.api().await?;
        let (mut views, mut cursor) = (Vec::new(), None);
        loop {
            let page = api.find(query, &[], cursor.as_deref()).await.map_err(|error| error.to_string())?;
            for found in page.rows {
                views.push(api.row(found.head.id).await.map_err(|error| error.to_string())?);
            }
            cursor = page.next.filter(|_| views.len() < WHY_ROWS_MAX);
            if cursor.is_none() {
                return Ok(views);
            }
        }
    }
}

fn kept(cache: &Cache, query: &Query, now: Timestamp) -> Result<Vec<RowView>, StoreError> {
    let found = bodies::find(cache, query, Timestamp::MIN, now)?;
    found.into_iter().filter_map(|(row, _)| cache.unchecked(row, now).transpose()).collect()
}
