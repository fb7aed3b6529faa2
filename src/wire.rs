//! The JSON bodies that client and server exchange. Field names are an interface: added to, never changed.
//!
//! Bodies that a client sends refuse unknown fields; bodies that a server sends are read leniently, so that an older
//! console goes on under a newer server.
//!
//! Never: decides anything. These are shapes; the one computation is that a view can be checked against its digests.

mod telemetry;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::row::{
    Again, Attributes, Base, Decision, DecisionId, Digest, Digests, Draft, Effect, Hold, How, Kind, Moved,
    Note, Pointer, PrincipalId, PrincipalKind, Proposal, Refusal, Risk, RowId, Series, Signal, State, Touch,
    Verdict, page,
    search::{Head, Match, alike::Shared},
    signal, waiting,
};

pub use telemetry::{Mark, NotASpan, Pane, Side, Span, Telemetry};

/// What lists show of a row: one line of `dock rows --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowHead {
    pub id: RowId,
    pub kind: Kind,
    pub subject: String,
    pub environment: String,
    pub title: String,
    pub state: State,
    pub how: Option<How>,
    pub verdict: Verdict,
    pub risk: Risk,
    pub revision: u32,
    pub word: String,
    pub content_sha256: Digest,
    pub base: BaseHead,
    pub agent: PrincipalId,
    pub owner: PrincipalId,
    pub reviewers: Vec<PrincipalId>,
    pub keys_needed: u32,
    pub keys_given: u32,
    /// Until when the keys that are still missing may come, before those that were given lapse.
    #[serde(default)]
    pub second_key_by: Option<Timestamp>,
    /// Decisions on this revision that count no more.
    #[serde(default)]
    pub void: Vec<DecisionId>,
    pub incident: Option<String>,
    pub created_at: Timestamp,
    pub changed_at: Timestamp,
    pub expires_at: Timestamp,
    /// The time at which this was true: the server's, or that of the last sync.
    pub as_of: Timestamp,
    /// A fact that it rests on is older than its budget.
    pub stale: bool,
    /// A decision on it waits in this home's outbox. The server always says no; the client knows.
    #[serde(default)]
    pub unsent: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseHead {
    pub revision: String,
    pub sha256: Digest,
}

/// One line of a list, with where in it a search's words stand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowFound {
    #[serde(flatten)]
    pub head: RowHead,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
}

/// `GET /v1/rows`: newest change first; with `q`, what fits best first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowPage {
    pub rows: Vec<RowFound>,
    /// What `cursor=` asks for next, if there may be more.
    #[serde(default)]
    pub next: Option<String>,
}

/// `GET /v1/incidents/{id}`: what Dock knows of an incident, and which others were like it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentView {
    pub incident: String,
    /// Newest change first.
    pub rows: Vec<RowHead>,
    /// By their post-mortems, most alike first.
    pub alike: Vec<AlikeView>,
    /// The server's clock, or the time of the last sync.
    pub as_of: Timestamp,
}

/// Another incident, by its post-mortem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlikeView {
    pub incident: String,
    /// Its post-mortem.
    pub row: RowId,
    pub title: String,
    pub changed_at: Timestamp,
    /// 0 to 1.
    pub score: f64,
    pub shared: Shared,
    /// The post-mortem's own head; older servers leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<RowHead>,
}

/// One row whole: `dock show --json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowView {
    #[serde(flatten)]
    pub head: RowHead,
    pub rationale: String,
    pub prose_by: String,
    /// The backend could not recompute the difference.
    pub claim: bool,
    pub signals: Vec<SignalView>,
    pub pointers: Vec<Pointer>,
    pub diff: String,
    /// What is to be published, of rows about documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// The reviewers who changed it before deciding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amended_by: Vec<PrincipalId>,
    /// The reviewer who made this revision; none where its agent drafted it, and of older revisions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_by: Option<PrincipalId>,
    pub effect: Effect,
    pub effect_sha256: Digest,
    pub evidence_sha256: Digest,
    pub presented_sha256: Digest,
    /// The base whole; `base` in the head is its name.
    pub base_read: Base,
    pub read_at: Timestamp,
    #[serde(default)]
    pub parent: Option<RowId>,
    /// The row's rule asks for a touch; for a note with an approval.
    #[serde(default)]
    pub touch_needed: bool,
    #[serde(default)]
    pub note_needed: bool,
    /// Who has to be among those who sign, where that is asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asks: Vec<AskView>,
    pub decisions: Vec<DecisionView>,
    pub execution: Option<ExecutionView>,
    pub outcome: Option<OutcomeView>,
    /// Told when the state has a reason that is not a decision: what moved, why superseded or withdrawn.
    #[serde(default)]
    pub why: Option<String>,
    /// The drift's digest, where the row has one.
    #[serde(default)]
    pub drift_sha256: Option<Digest>,
    /// The same subject and difference, declined before.
    #[serde(default)]
    pub declined_before: Vec<Hold>,
    /// What the policies looked at.
    #[serde(default)]
    pub facts: BTreeMap<String, String>,
    #[serde(default)]
    pub policy: Option<String>,
}

/// A threshold that not everybody can meet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskView {
    /// As the config calls it: `db`.
    pub name: String,
    /// Whom it admits, in words: `role db`.
    pub who: String,
    pub approve: u32,
    /// Whose approvals of this revision count for it.
    pub signed: Vec<PrincipalId>,
    /// Who can still, by role; people on a shift that is asked for are not among them.
    pub can: Vec<PrincipalId>,
    /// Being on a shift is enough.
    #[serde(default)]
    pub on_call: bool,
}

impl AskView {
    /// Approvals that are missing.
    pub fn missing(&self) -> usize {
        usize::try_from(self.approve).unwrap_or(usize::MAX).saturating_sub(self.signed.len())
    }

    /// `db (role db): 1 more, of govind or sarah`.
    pub fn sentence(&self) -> String {
        let Self { name, who, .. } = self;
        let names = |all: &[PrincipalId], between: &str| {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(between)
        };
        let missing = self.missing();
        if missing == 0 {
            return format!("{name} ({who}): signed by {}", names(&self.signed, " and "));
        }
        let signed = match self.signed.as_slice() {
            [] => String::new(),
            some => format!("signed by {}; ", names(some, " and ")),
        };
        let from = match (self.can.as_slice(), self.on_call) {
            ([], false) => "and NOBODY ELSE CAN".to_owned(),
            ([], true) => "of whoever is on call".to_owned(),
            (some, false) => format!("of {}", names(some, " or ")),
            (some, true) => format!("of {}, or whoever is on call", names(some, " or ")),
        };
        format!("{name} ({who}): {signed}{missing} more, {from}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalView {
    #[serde(flatten)]
    pub signal: SignalBody,
    pub fresh: bool,
    /// Its agent read it again since and judges it the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

impl SignalView {
    /// When it was read last: for the draft, or again since.
    pub fn read_at(&self) -> Timestamp {
        let drafted = self.signal.fetched_at;
        self.again.as_ref().map_or(drafted, |again| again.at.max(drafted))
    }

    /// What it says: what was signed, with what it says now where that is something else.
    pub fn says(&self) -> String {
        match self.again.as_ref().and_then(|again| again.value.as_ref()) {
            Some(now) => format!("{} (now {now})", self.signal.value),
            None => self.signal.value.clone(),
        }
    }

    pub fn is_fresh(&self, now: Timestamp) -> bool {
        signal::is_fresh(self.read_at(), self.signal.budget_s, now)
    }

    /// Half of its time is over.
    pub fn half_over(&self, now: Timestamp) -> bool {
        signal::half_over(self.read_at(), self.signal.budget_s, now)
    }
}

/// `POST /v1/rows/{id}/confirm`: what of this revision's facts was read again and is judged the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfirmRequest {
    pub revision: u32,
    /// Of the revision's signals.
    pub evidence_sha256: Digest,
    /// By their place among the signals, from 0.
    pub again: BTreeMap<u32, Again>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfirmAnswer {
    pub row: RowId,
    /// The facts are dated anew; not while all of them are young.
    pub dated: bool,
}

/// A signal as it travels; the domain's own, without refusing what a newer server adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalBody {
    pub name: String,
    pub value: String,
    pub verdict: crate::row::Grade,
    pub weight: crate::row::Weight,
    pub pointer: Pointer,
    pub rule: String,
    pub fetched_at: Timestamp,
    pub budget_s: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<Series>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionView {
    pub id: DecisionId,
    pub decision: Decision,
    #[serde(rename = "override")]
    pub overrides: bool,
    pub reviewer: PrincipalId,
    pub note: Option<String>,
    pub made_at: Timestamp,
    pub at: Timestamp,
    pub key: String,
    pub touch: Touch,
    pub offline: bool,
    pub revision: u32,
    #[serde(default)]
    pub conditions: BTreeMap<String, String>,
    /// Counts no more, and why.
    #[serde(default)]
    pub void: Option<String>,
    pub log_index: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionView {
    pub tag: DecisionId,
    pub intended_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeView {
    pub state: State,
    pub checked_at: Timestamp,
    pub detail: String,
}

impl DecisionView {
    /// Why it counts no more: what was asked for was answered, all else is void.
    pub fn counts_no_more(&self) -> Option<String> {
        let why = self.void.as_ref()?;
        let what = if self.decision == Decision::NeedsChanges { "answered" } else { "void" };
        Some(format!("{what}: {why}"))
    }
}

impl RowView {
    /// The oldest of what its signals rest on: nothing here is younger.
    pub fn evidence_at(&self) -> Timestamp {
        self.signals.iter().map(SignalView::read_at).min().unwrap_or(self.read_at)
    }

    /// Who made this revision, and when: `drafted`, or `amended by sarah`.
    pub fn made(&self) -> (String, Timestamp) {
        match &self.revised_by {
            Some(by) => (format!("amended by {by}"), self.read_at),
            None => ("drafted".to_owned(), self.read_at),
        }
    }

    /// The draft that this view shows, for recomputing its digests.
    pub fn draft(&self) -> Draft {
        Draft {
            kind: self.head.kind,
            subject: self.head.subject.clone(),
            environment: self.head.environment.clone(),
            title: self.head.title.clone(),
            verdict: self.head.verdict,
            rationale: self.rationale.clone(),
            prose_by: self.prose_by.clone(),
            signals: self.signals.iter().map(|view| Signal::from(view.signal.clone())).collect(),
            pointers: self.pointers.clone(),
            incident: self.head.incident.clone(),
            parent: self.parent,
            reviewers: self.head.reviewers.clone(),
            risk: self.head.risk,
            base: self.base_read.clone(),
            effect: self.effect.clone(),
            diff: self.diff.clone(),
            proposal: self.proposal.clone(),
            amended_by: self.amended_by.clone(),
            facts: self.facts.clone(),
            read_at: self.read_at,
        }
    }

    /// The head, as far as searches look at it.
    pub fn searched(&self) -> Head<'_> {
        Head {
            id: self.head.id,
            environment: &self.head.environment,
            risk: self.head.risk,
            incident: self.head.incident.as_deref(),
            agent: self.head.agent.as_str(),
            owner: self.head.owner.as_str(),
            asked: self.head.reviewers.iter().map(PrincipalId::as_str).collect(),
            said: self.decisions.iter().map(|one| (one.reviewer.as_str(), one.note.as_deref())).collect(),
        }
    }

    /// The digests that this view says it has.
    pub fn digests(&self) -> Digests {
        Digests {
            content: self.head.content_sha256,
            base: self.head.base.sha256,
            effect: self.effect_sha256,
            evidence: self.evidence_sha256,
            presented: self.presented_sha256,
        }
    }

    /// Recomputes every digest and the word from what is drawn; the first that does not match, by name.
    pub fn mismatch(&self) -> Option<&'static str> {
        let (said, is) = (self.digests(), self.draft().digests(self.head.id, self.head.revision));
        let word = crate::row::digest::word(&is.content).to_string();
        let pairs = [
            ("content", said.content == is.content),
            ("base", said.base == is.base),
            ("effect", said.effect == is.effect),
            ("evidence", said.evidence == is.evidence),
            ("presented", said.presented == is.presented),
            ("word", word == self.head.word),
        ];
        pairs.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
    }
}

impl From<SignalBody> for Signal {
    fn from(from: SignalBody) -> Self {
        let SignalBody { name, value, verdict, weight, pointer, rule, fetched_at, budget_s, series } = from;
        Self { name, value, verdict, weight, pointer, rule, fetched_at, budget_s, series }
    }
}

impl From<Signal> for SignalBody {
    fn from(from: Signal) -> Self {
        let Signal { name, value, verdict, weight, pointer, rule, fetched_at, budget_s, series } = from;
        Self { name, value, verdict, weight, pointer, rule, fetched_at, budget_s, series }
    }
}

/// `PUT /v1/gates/{service}/{environment}/{run}`: what a pipeline that waits is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Waited {
    /// Which attempt of the run it is that waits.
    pub attempt: u32,
    /// Its row, once the gatekeeper has opened one.
    #[serde(default)]
    pub row: Option<WaitedRow>,
    /// What it is told; none while nobody has decided.
    #[serde(default)]
    pub answer: Option<waiting::Answer>,
}

/// As much of a row as the pipeline that waits for it is told: its token reads no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitedRow {
    pub id: RowId,
    pub kind: Kind,
    pub subject: String,
    pub environment: String,
    pub title: String,
    pub state: State,
    pub how: Option<How>,
    /// Who decided what it was told, and the note of the last of them.
    #[serde(default)]
    pub by: Vec<PrincipalId>,
    #[serde(default)]
    pub note: Option<Note>,
}

/// `GET /v1/hooks/wait`: what platforms told of since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// What `after=` asks for next.
    pub next: u64,
    /// There may have been more than is here: look at everything.
    pub missed: bool,
    pub hints: Vec<Hint>,
}

/// `GET /readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    pub ready: bool,
    pub missing: Vec<String>,
    /// What calls have come to: the server's own since it began, its executor's, and those that agents told of.
    #[serde(default)]
    pub calls: Vec<PlatformCalls>,
}

/// How often a platform was asked with one credential, and what it said is left. What agents tell of themselves comes by
/// `POST /v1/agents/calls`, as a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformCalls {
    /// An agent's name, or `executor`; the server itself where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When an agent told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// As in `github`.
    pub platform: String,
    pub made: u64,
    /// How many it takes in its window, and how many are left, where it tells.
    #[serde(default)]
    pub limit: Option<u64>,
    #[serde(default)]
    pub left: Option<u64>,
}

/// A hint to look: what a platform's delivery was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    pub number: u64,
    /// `gate_requested`, `run`, `deployment`; `incident.resolved` and PagerDuty's other words.
    pub event: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub repository: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// As people name it, where the delivery tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    pub at: Timestamp,
}

/// `application/problem+json` (RFC 9457): every answer that is no success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// Stable; programs match on it.
    pub code: String,
    /// The sentence for people.
    pub detail: String,
    #[serde(default)]
    pub hint: Option<String>,
    /// The field that is wrong, where one is.
    #[serde(default)]
    pub field: Option<String>,
    #[serde(default)]
    pub refusal: Option<Refusal>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

/// `POST /v1/login/challenge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeRequest {
    pub person: PrincipalId,
}

/// Its answer: the exact bytes (`c1`) to sign under `login.v1@ORG`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    pub challenge: String,
    pub org: String,
}

/// `POST /v1/login`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginRequest {
    pub person: PrincipalId,
    pub challenge: String,
    /// Armored SSHSIG; names its public key itself.
    pub signature: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub token: String,
    pub expires_at: Timestamp,
}

/// `GET /v1/me`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub id: PrincipalId,
    pub kind: PrincipalKind,
    /// Agents owned by a person; the owner of an agent.
    #[serde(default)]
    pub agents: Vec<PrincipalId>,
    #[serde(default)]
    pub owner: Option<PrincipalId>,
    #[serde(default)]
    pub roles: Vec<String>,
    #[serde(default)]
    pub keys: Vec<KeyView>,
    /// Attributes as a decision made now would carry them: roles and shift.
    #[serde(default)]
    pub attributes: Attributes,
    /// When the shift ends; absent where there is none, or its end is not told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_call_until: Option<Timestamp>,
    pub org: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    pub fingerprint: String,
    pub kind: String,
    pub valid_after: Timestamp,
    #[serde(default)]
    pub valid_before: Option<Timestamp>,
}

/// `GET /v1/people`: one person, as an administrator looks at them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonView {
    pub id: PrincipalId,
    pub active: bool,
    pub roles: Vec<String>,
    pub keys: Vec<KeyView>,
    pub agents: Vec<PrincipalId>,
}

/// `GET /v1/agents`: one agent, with the tokens that it may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    pub id: PrincipalId,
    pub owner: PrincipalId,
    /// `active`, `suspended`, `revoked`.
    pub standing: String,
    pub halted: bool,
    #[serde(default)]
    pub tokens: Vec<TokenView>,
}

/// A token as it is known after it was shown once: by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenView {
    pub id: Digest,
    pub scopes: Vec<String>,
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// The answer to `POST /v1/rows` and `POST /v1/rows/{id}/revisions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftAnswer {
    pub outcome: DraftOutcome,
    pub row: RowId,
    pub revision: u32,
    pub state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DraftOutcome {
    Opened,
    Revised,
    /// A row for the same drift is open already; nothing was written.
    Exists,
    /// The same drift is held; nothing was opened and nobody is paged.
    OnHold,
}

/// `PUT /v1/decisions/{id}`: the exact bytes that were signed, and the armored signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedDecision {
    pub statement: String,
    pub signature: String,
}

/// The answer: final ones are the same for ever for the same bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionAnswer {
    pub decision_id: DecisionId,
    pub row: RowId,
    pub outcome: DecisionOutcome,
    pub code: Option<String>,
    pub message: String,
    #[serde(default)]
    pub hint: Option<String>,
    pub state: State,
    pub log_index: Option<u64>,
    #[serde(default)]
    pub refusal: Option<Refusal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionOutcome {
    Accepted,
    Refused,
    /// Said by a client alone.
    Queued,
    Overtaken,
}

/// A place in the feed: the epoch, and the number of leaves that what was read is true at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    pub epoch: u64,
    pub size: u64,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.epoch, self.size)
    }
}

impl std::str::FromStr for Position {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{}` is no position: `EPOCH.SIZE` is asked for",
                text.chars().take(32).collect::<String>()
            )
        };
        let (epoch, size) = text.split_once('.').ok_or_else(wrong)?;
        Ok(Self { epoch: epoch.parse().map_err(|_| wrong())?, size: size.parse().map_err(|_| wrong())? })
    }
}

/// `GET /v1/snapshot`, and `GET /v1/sync?after=POSITION&wait=SECONDS` with only the rows that changed since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    pub position: Position,
    /// The server's clock.
    pub as_of: Timestamp,
    pub rows: Vec<RowView>,
    pub holds: Vec<Hold>,
    /// A signed note at `position.size`.
    pub checkpoint: String,
    pub log_key: String,
    pub org: String,
    #[serde(default)]
    pub halted: Option<Halted>,
    /// Agents that are halted by themselves: nothing of theirs is executed, and they draft nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub halted_agents: BTreeMap<PrincipalId, Halted>,
    /// Targets of `[[tell]]` that take nothing now.
    #[serde(default)]
    pub untold: Vec<Untold>,
}

/// Whom nothing can be told now, as the config names it, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    pub to: String,
    pub since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halted {
    pub by: PrincipalId,
    pub at: Timestamp,
    pub note: String,
}

/// `POST /v1/rows/{id}/fresh`: base and difference as the platform gives them now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fresh {
    pub row: RowId,
    pub read_at: Timestamp,
    pub moved: Vec<Moved>,
    pub base: Base,
    pub diff: String,
    /// Of an edit whose page moved: what moved on it, and what of the edit that touches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<page::Since>,
}

/// `GET /v1/rows/{id}/history`: one entry of the record, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    pub index: u64,
    pub leaf: String,
}

/// `GET /v1/log/proof/inclusion?index=&size=` and `/consistency?from=&to=`: hashes in base64, from the bottom up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProofBody {
    pub hashes: Vec<String>,
}

/// `GET /v1/evidence?row=` or `?since=&until=`: the parts of an evidence pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParts {
    pub checkpoint: String,
    pub log_key: String,
    pub entries: Vec<EvidenceEntry>,
    /// `SIZE` → hashes in base64: from the heads that statements had seen.
    pub consistency: BTreeMap<u64, Vec<String>>,
    /// Blobs by digest, in base64.
    pub blobs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceEntry {
    pub index: u64,
    pub leaf: String,
    pub proof: Vec<String>,
}

/// `POST /v1/halt`, `POST /v1/holds/lift`: a word with the deed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaltRequest {
    #[serde(default)]
    pub agent: Option<PrincipalId>,
    pub note: String,
}

/// `POST /v1/rows/{id}/extend`: more time, before it lapses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendRequest {
    pub until: Timestamp,
    pub note: String,
}

/// `POST /v1/rows/{id}/withdraw`: its agent takes a row back. No body at all gives no reason.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithdrawRequest {
    /// One line: `approved in GitHub by govind`.
    pub why: String,
}

impl WithdrawRequest {
    /// Bytes of a reason.
    pub const WHY_MAX: usize = 512;
}

/// `POST /v1/rows/{id}/attest`: a person looked at what could not be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestRequest {
    pub executed: bool,
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiftRequest {
    pub subject: String,
    pub drift: Digest,
    pub note: String,
}
