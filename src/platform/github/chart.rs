//! What the maintainers of a chart say about one of its versions: its release on GitHub, else what its `Chart.yaml` tells
//! under `artifacthub.io/changes`, else nothing is known.
//!
//! Never: notes of another version; silence read as "nothing changed".

use super::{Repository, Source};
use crate::{
    platform::{Fact, PlatformError},
    row::release::{self, ChartBump},
};

/// What was written about a release, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseNotes {
    pub text: String,
    pub url: String,
}

impl Source {
    /// The notes of the version that a chart moves to. A chart from elsewhere than GitHub is unknown.
    pub async fn chart_notes(&self, chart: &ChartBump) -> Result<Fact<ReleaseNotes>, PlatformError> {
        let Some(repo) = self.repository_of(&chart.repository) else {
            return Ok(Fact::Unknown(format!("{} is not on GitHub", chart.repository)));
        };
        for tag in release::tags(&chart.chart, &chart.to) {
            let Fact::Known(release) = self.release(&repo, &tag).await? else { continue };
            if release.notes.trim().is_empty() {
                return self.changes_in_chart(&repo, chart, &tag).await;
            }
            return Ok(Fact::Known(ReleaseNotes { text: release.notes, url: release.url }));
        }
        Ok(Fact::Unknown(format!("{repo} shows no release of {} {}", chart.chart, chart.to)))
    }

    async fn changes_in_chart(
        &self,
        repo: &Repository,
        chart: &ChartBump,
        tag: &str,
    ) -> Result<Fact<ReleaseNotes>, PlatformError> {
        for path in [format!("charts/{}/Chart.yaml", chart.chart), "Chart.yaml".to_owned()] {
            let Fact::Known(yaml) = self.file(repo, &path, tag).await? else { continue };
            if let Some(text) = release::artifacthub_changes(&yaml) {
                let url = format!("https://{}/{repo}/blob/{tag}/{path}", self.host);
                return Ok(Fact::Known(ReleaseNotes { text, url }));
            }
        }
        Ok(Fact::Unknown(format!("{repo} says nothing about {tag}")))
    }
}
