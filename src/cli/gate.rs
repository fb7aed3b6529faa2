//! `dock gate wait`: a script blocks until somebody has decided on its run, on GitHub or, as [`elsewhere`] does, here; and
//! `dock gate report`: it says how the deploy went that it went on with.
//!
//! Never: opens a row, or decides; takes "nobody has said no" for yes.

use std::{path::PathBuf, time::Duration};

use tokio::time::Instant;

mod elsewhere;
mod report;

use elsewhere::Elsewhere;

use super::{
    Globals,
    exit::{Code, Failure, Outcome},
    out,
    person::{Person, block_on},
    rows::span,
};
use crate::{
    client::{Api, ApiError, api::POLL_MAX},
    config,
    row::{Base, Decision, Kind, RowId, State},
    wire::{DecisionView, Position, RowView},
};

/// What is waited after the server went away.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  dock gate wait --run 9821 --timeout 2h\n  \
    dock gate wait --run \"$CI_PIPELINE_ID\" --service checkout-api --environment production --commit \"$CI_COMMIT_SHA\" \
    --ci passed --timeout 1h --server https://dock.example.com --token-file dock.token --json")]
pub(super) struct Gate {
    #[command(subcommand)]
    command: GateCommand,
}

#[derive(Debug, clap::Subcommand)]
enum GateCommand {
    /// Block until somebody has decided on a run's gate, then print its row.
    ///
    /// With --commit the run waits here: of a service whose [gates.*] table says pipeline = "elsewhere" (GitLab, Jenkins, a
    /// shell). The backend is told that it waits, again with each poll, so it may go away and come back meanwhile. An answer
    /// is for who waited for it: a job that is started again asks anew, as the next attempt. A condition that was signed and
    /// is the pipeline's to obey is printed as `canary=10%` (and `canary_for=15m`: then all), and stands under `conditions`
    /// with --json. The token's scope is `wait:SERVICE`.
    ///
    /// Without --commit the run waits on GitHub: the job that deploys needs `environment: NAME` with a protection rule, and
    /// the gatekeeper opens the row. The token's scope is `read`. A run that no gatekeeper sees waiting has no row: this
    /// ends with 6 when the time is over.
    ///
    /// Exit: 0 approved; 4 declined, expired, superseded, withdrawn, or approved and taken back since; 6 nobody decided
    /// in time; 7 the backend is not reachable; 1 it was approved and could not be carried out.
    #[command(
        after_help = "Example:\n  dock gate wait --run 4711 --service checkout-api --environment production --commit \"$SHA\" --ci passed \\\n    --timeout 30m && ./deploy.sh"
    )]
    Wait(Wait),
    /// Say how the deploy went that a run was told to go on with.
    ///
    /// Of a service whose [gates.*] table says pipeline = "elsewhere". A commit counts as deployed once the pipeline says so
    /// here, or ArgoCD shows that it synced it: from then on its deploy is watched, and the next run is compared with it.
    ///
    /// Exit: 0 it is known; 1 the run was not told to go on with that commit; 6 nobody knows the run; 5 the token is not
    /// taken; 7 the backend is not reachable.
    #[command(
        after_help = "Example:\n  ./deploy.sh && dock gate report --run 4711 --service checkout-api --environment production --commit \"$SHA\" \\\n    --state deployed"
    )]
    Report(report::Report),
}

#[derive(Debug, clap::Args)]
struct Wait {
    /// The run's number: on GitHub, or where it runs.
    #[arg(long, value_name = "ID")]
    run: u64,
    /// Where several services have a run of that number.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Where the run waits before several.
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    #[command(flatten)]
    elsewhere: Elsewhere,
    /// Give up after so long.
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,
    /// A token for a pipeline, with the scope `wait:SERVICE`, or `read` for GitHub's runs: nobody has to be signed in.
    #[arg(long, value_name = "FILE", env = "DOCK_TOKEN_FILE")]
    token_file: Option<PathBuf>,
}

pub(super) fn run(globals: &Globals, args: &Gate) -> Outcome {
    let args = match &args.command {
        GateCommand::Wait(args) => args,
        GateCommand::Report(args) => return block_on(report::report(globals, args)),
    };
    let limit = args.timeout.as_deref().map(span).transpose()?;
    let limit = limit.map(|limit| Duration::try_from(limit).unwrap_or(Duration::ZERO));
    let run = args.elsewhere.run(args.run, args.service.as_deref(), args.environment.as_deref())?;
    block_on(async {
        let api = connect(globals, args.token_file.as_ref()).await?;
        let end = limit.map(|limit| Instant::now() + limit);
        if let Some(run) = run {
            return elsewhere::wait(globals, &api, &run, end).await;
        }
        let row = decided(&api, args, end).await?;
        tell(globals, &row);
        match outcome(row.head.state) {
            Code::Done => Ok(Code::Done),
            code => Err(Failure::new(code, "")),
        }
    })
}

async fn connect(globals: &Globals, token_file: Option<&PathBuf>) -> Result<Api, Failure> {
    let person = Person::open(globals)?;
    let Some(file) = token_file else { return person.online().await };
    let server = person.settings.server.as_deref();
    let server =
        server.ok_or_else(|| Failure::usage("which server?\nhint: --server https://dock.example.com"))?;
    Ok(Api::new(server)?.with_token(config::secret(file)?))
}

/// The run's row once it is decided. A row that another one took the place of is followed.
async fn decided(api: &Api, args: &Wait, end: Option<Instant>) -> Result<RowView, Failure> {
    let mut feed = Feed::default();
    // What cannot be reached at first is a wrong address; later it is an outage, told once, and passes.
    let (mut reached, mut told) = (false, String::new());
    loop {
        match look(api, args, &mut feed, left(end)).await {
            Ok(Some(row)) => return Ok(row),
            Ok(None) => {
                reached = true;
                told.clear();
            }
            Err(failure) if failure.code == Code::Away && reached => {
                if told != failure.words {
                    out::remark(&failure.words);
                    told.clone_from(&failure.words);
                }
                feed.position = None;
                if left(end) <= PAUSE && end.is_some() {
                    return Err(failure);
                }
                tokio::time::sleep(PAUSE).await;
            }
            Err(failure) => return Err(failure),
        }
        if left(end).is_zero() {
            return Err(feed.undecided(args.run));
        }
    }
}

/// What was heard so far.
#[derive(Debug, Default)]
struct Feed {
    position: Option<Position>,
    /// The row that waits for a decision, when it was last seen.
    waits: Option<RowId>,
}

impl Feed {
    /// The time is over: nobody decided, or nobody was asked.
    fn undecided(&self, run: u64) -> Failure {
        Failure::nothing(match self.waits {
            Some(row) => {
                format!("nobody has decided on run {run} in time: {row} waits\nhint: dock show {row}")
            }
            None => format!(
                "there was no row about run {run} in time, so nobody was asked\n\
                 hint: does it wait for a protection rule, and does a gatekeeper run? A pipeline elsewhere says --commit"
            ),
        })
    }
}

/// One look: waits for a decision where there is a row, for a row where there is none.
async fn look(api: &Api, args: &Wait, feed: &mut Feed, wait: Duration) -> Result<Option<RowView>, Failure> {
    let snapshot = api.snapshot().await?;
    let (mut open, mut over): (Vec<_>, Vec<_>) =
        snapshot.rows.into_iter().filter(|row| args.means(row)).partition(|row| row.head.state.undecided());
    if open.len() > 1 {
        let names: Vec<_> =
            open.iter().map(|row| format!("{} ({})", row.head.id, row.head.subject)).collect();
        let hint = "hint: --environment or --service names one";
        return Err(Failure::usage(format!(
            "run {} has several rows: {}\n{hint}",
            args.run,
            names.join(", ")
        )));
    }
    feed.waits = open.first().map(|row| row.head.id);
    if let Some(row) = open.pop() {
        let row = api.wait(row.head.id, wait).await?;
        return Ok((!row.head.state.undecided() && !made_way(&row)).then_some(row));
    }
    over.sort_by_key(|row| row.head.id);
    if let Some(row) = over.pop().filter(|row| !made_way(row)) {
        return Ok(Some(row));
    }
    let known = feed.position.replace(snapshot.position);
    let after = known.unwrap_or(snapshot.position);
    match api.changes(after, wait.min(POLL_MAX)).await {
        Ok(_) => Ok(None),
        // The feed began anew; the next look reads all of it.
        Err(error @ ApiError::Problem { .. }) if !error.signed_out() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Another row may come in its place.
fn made_way(row: &RowView) -> bool {
    row.head.state == State::Superseded
}

fn left(end: Option<Instant>) -> Duration {
    end.map_or(POLL_MAX, |end| end.saturating_duration_since(Instant::now()).min(POLL_MAX))
}

impl Wait {
    fn means(&self, row: &RowView) -> bool {
        let Base::Gate(base) = &row.base_read else { return false };
        row.head.kind == Kind::Gate
            && base.run == self.run.to_string()
            && self.service.as_ref().is_none_or(|service| *service == base.service)
            && self.environment.as_ref().is_none_or(|environment| *environment == base.environment)
    }
}

/// What a decided row means to a script that would go ahead.
fn outcome(state: State) -> Code {
    match state {
        State::Approved | State::Executing | State::Executed | State::Healthy => Code::Done,
        State::Failed | State::Unknown => Code::Failed,
        State::Declined
        | State::Expired
        | State::Superseded
        | State::Withdrawn
        | State::Degraded
        | State::RolledBack
        | State::Stale
        | State::Pending
        | State::HalfSigned
        | State::NeedsChanges => Code::Refused,
    }
}

fn tell(globals: &Globals, row: &RowView) {
    if globals.json {
        out::json(row);
    } else {
        out::line(in_words(row));
    }
}

/// `gate-9821 approved (conditions) by sarah and jordan: …`.
fn in_words(row: &RowView) -> String {
    let counts = |one: &&DecisionView| one.void.is_none() && one.decision != Decision::Withdraw;
    let counting: Vec<_> = row.decisions.iter().filter(counts).collect();
    let by = counting.last().map(|last| {
        let with =
            counting.iter().filter(|one| (one.decision, one.revision) == (last.decision, last.revision));
        let names: Vec<_> = with.map(|one| one.reviewer.to_string()).collect();
        let note = last.note.as_deref().map(|note| format!(": {}", out::safe(note))).unwrap_or_default();
        format!(" by {}{note}", names.join(" and "))
    });
    let how = row.head.how.map(|how| format!(" ({})", how.word())).unwrap_or_default();
    let why = row.why.as_deref().map(|why| format!(": {}", out::safe(why)));
    let said = by.or(why).unwrap_or_default();
    format!("{} {}{how}{said}", row.head.id, row.head.state.said())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::sample;

    #[test]
    fn a_run_that_nobody_was_asked_about_is_told_from_one_that_waits() {
        let nobody = Feed::default().undecided(777);
        assert_eq!(nobody.code, Code::Nothing);
        assert!(nobody.words.starts_with("there was no row about run 777"), "{}", nobody.words);
        let waits = Feed { waits: "gate-9821".parse().ok(), position: None }.undecided(9821);
        assert!(waits.words.contains("gate-9821 waits"), "{}", waits.words);
    }

    #[test]
    fn everybody_who_signed_is_named() {
        let mut row = sample::view("gate-9821", 1, sample::draft());
        row.head.state = State::HalfSigned;
        row.decisions = ["sarah", "jordan"].map(|who| sample::said(who, Decision::Approve, 1)).into();
        assert!(
            in_words(&row).starts_with("gate-9821 half signed by sarah and jordan"),
            "{}",
            in_words(&row)
        );
    }

    #[test]
    fn only_what_was_approved_and_stands_is_a_yes() {
        let yes: Vec<_> = State::ALL.iter().copied().filter(|state| outcome(*state) == Code::Done).collect();
        assert_eq!(yes, [State::Approved, State::Executing, State::Executed, State::Healthy]);
    }
}
