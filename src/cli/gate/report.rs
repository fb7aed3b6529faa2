//! How a deploy went that a run was told to go on with, as its pipeline says: until then nobody takes its commit for deployed.
//!
//! Never: said of a run that was told nothing, or told no.

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;

use super::{PAUSE, connect};
use crate::{
    cli::{
        Globals,
        exit::{Code, Failure, Outcome},
        out,
    },
    row::waiting::{Asks, Ended, Place, Reports},
};

/// A backend that is away is tried so long: the deploy is there, whoever hears of it.
const TRIED_FOR: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Args)]
pub(super) struct Report {
    /// The run's number, as it waited with.
    #[arg(long, value_name = "ID")]
    run: u64,
    #[arg(long, value_name = "NAME")]
    service: String,
    #[arg(long, value_name = "NAME")]
    environment: String,
    /// The commit, as it waited with.
    #[arg(long, value_name = "SHA")]
    commit: String,
    /// Which try of the run; without it the newest that was told to go on.
    #[arg(long, value_name = "N")]
    attempt: Option<u32>,
    #[arg(long, value_name = "WORD")]
    state: Went,
    /// A token for a pipeline, with the scope `wait:SERVICE`.
    #[arg(long, value_name = "FILE", env = "DOCK_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Went {
    /// The commit runs there.
    Deployed,
    Failed,
}

impl Report {
    fn said(&self) -> Result<(Place, Reports), Failure> {
        let (commit, attempt) = (self.commit.to_ascii_lowercase(), self.attempt);
        let as_asked =
            Asks { commit: commit.clone(), attempt, branch: None, url: None, ci: None, listener: None };
        as_asked.check().map_err(|(field, why)| Failure::usage(format!("--{field} {why}")))?;
        let state = match self.state {
            Went::Deployed => Ended::Deployed,
            Went::Failed => Ended::Failed,
        };
        let (service, environment) = (self.service.clone(), self.environment.clone());
        Ok((Place { service, environment, run: self.run }, Reports { commit, attempt, state }))
    }
}

pub(super) async fn report(globals: &Globals, args: &Report) -> Outcome {
    let (place, said) = args.said()?;
    let api = connect(globals, args.token_file.as_ref()).await?;
    let end = Instant::now() + TRIED_FOR;
    loop {
        match api.report(&place, &said).await {
            Ok(()) => break,
            Err(error) if error.away() && Instant::now() < end => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(error.into()),
        }
    }
    let how = match said.state {
        Ended::Deployed => "deployed",
        Ended::Failed => "failed",
    };
    if !globals.json {
        out::line(format!("run {} before {}: {how}", place.run, out::safe(&place.environment)));
    }
    Ok(Code::Done)
}
