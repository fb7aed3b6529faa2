//! The store in memory: for tests, and the twin that says what the others must do.
//!
//! Never: kept beyond the process.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{
    Changed, Commit, Committed, Cursor, FinalAnswer, Found, Head, KeptAnswer, Leaf, LeafDraft, Leaves, Page,
    Pending, Receipt, Repeatable, RowQuery, RowWrite, Search, Session, Setup, Snapshot, Store, StoreError,
    WAITING_KEPT, Whole, Work, WorkChange, WorkKind, commit::moves_authority, seal,
};
use crate::{
    audit::merkle::{self, Hash, Tree},
    row::{
        DecisionId, Digest, Draft, Event, Hold, Kind, PrincipalId, Row, RowId,
        search::{Indexed, Looked, ranked},
        waiting::{self, No, Place, RUNS_MAX, SIGNS_WITHIN, Turn, Waiting},
    },
};

#[derive(Debug)]
pub struct Memory {
    state: Mutex<State>,
    grown: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    head: Head,
    tree: Tree,
    leaves: Vec<Entry>,
    threads: HashMap<String, u64>,
    rows: BTreeMap<RowId, Row>,
    drafts: BTreeMap<(RowId, u32), Draft>,
    holds: Vec<Hold>,
    work: BTreeMap<u64, Queued>,
    fence: u64,
    next_work: u64,
    blobs: HashMap<Digest, Vec<u8>>,
    answers: HashMap<DecisionId, KeptAnswer>,
    repeatables: HashMap<(PrincipalId, String), Repeatable>,
    sessions: HashMap<Digest, Session>,
    waiting: BTreeMap<Place, Waiting>,
    cosignatures: BTreeMap<u64, Vec<String>>,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    event: Event,
    row: Option<RowId>,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Queued {
    kind: WorkKind,
    row: RowId,
    payload: String,
    not_before: Timestamp,
    leased_until: Option<Timestamp>,
    fence: u64,
    attempts: u32,
}

impl Memory {
    pub fn new(setup: &Setup) -> Self {
        let head = Head {
            epoch: 1,
            size: 0,
            authority: 0,
            at: Timestamp::UNIX_EPOCH,
            next: Kind::ALL.into_iter().map(|kind| (kind, setup.first(kind))).collect(),
        };
        let state = State {
            head,
            tree: Tree::default(),
            leaves: Vec::new(),
            threads: HashMap::new(),
            rows: BTreeMap::new(),
            drafts: BTreeMap::new(),
            holds: Vec::new(),
            work: BTreeMap::new(),
            fence: 0,
            next_work: 1,
            blobs: HashMap::new(),
            answers: HashMap::new(),
            repeatables: HashMap::new(),
            sessions: HashMap::new(),
            waiting: BTreeMap::new(),
            cosignatures: BTreeMap::new(),
        };
        Self { state: Mutex::new(state), grown: watch::Sender::new(0) }
    }

    fn with<'a, T: Send + 'a>(&self, read: impl FnOnce(&mut State) -> T) -> Pending<'a, T> {
        let value = read(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        Box::pin(std::future::ready(Ok(value)))
    }

    fn proof<'a>(
        &self,
        read: impl FnOnce(&Tree) -> Result<Vec<Hash>, merkle::NoNode>,
    ) -> Pending<'a, Vec<Hash>> {
        let value = read(&self.state.lock().unwrap_or_else(PoisonError::into_inner).tree);
        Box::pin(std::future::ready(value.map_err(|error| StoreError::Failed(error.to_string()))))
    }
}

impl State {
    /// Why the commit cannot stand, if so. Nothing is written before this has been asked.
    fn refuses(&self, commit: &Commit) -> Option<Committed> {
        let lost = |(id, fence): (u64, u64)| self.work.get(&id).is_none_or(|work| work.fence != fence);
        if commit.work.iter().filter_map(WorkChange::lease).any(lost) {
            return Some(Committed::LeaseLost);
        }
        let answered = commit.answer.as_ref().is_some_and(|answer| self.answers.contains_key(&answer.id));
        if answered { Some(Committed::Conflict) } else { self.refuses_row(commit) }
    }

    fn refuses_row(&self, commit: &Commit) -> Option<Committed> {
        let repeated = |repeatable: &Repeatable| {
            self.repeatables.contains_key(&(repeatable.principal.clone(), repeatable.key.clone()))
        };
        if commit.authority.is_some_and(|read| read != self.head.authority)
            || commit.repeatable.as_ref().is_some_and(repeated)
        {
            return Some(Committed::Conflict);
        }
        let RowWrite { row, expected } = commit.row.as_ref()?;
        if self.rows.get(&row.id).map(|found| found.version) != *expected {
            return Some(Committed::Conflict);
        }
        if expected.is_none() && self.head.next.get(&row.id.kind) != Some(&row.id.number) {
            return Some(Committed::Conflict);
        }
        if row.stage.terminal(commit.now) {
            return None;
        }
        let other =
            self.open_row(row.id.kind, &row.subject, commit.now).filter(|other| other.id != row.id)?;
        Some(Committed::SubjectTaken(other.id))
    }

    fn open_row(&self, kind: Kind, subject: &str, now: Timestamp) -> Option<&Row> {
        let mut of_kind = self.rows.values().filter(|row| row.id.kind == kind && row.subject == subject);
        of_kind.find(|row| !row.stage.terminal(now))
    }

    fn write(&mut self, commit: Commit) -> Committed {
        if let Some(refused) = self.refuses(&commit) {
            return refused;
        }
        let at = commit.now.max(self.head.at);
        let indexes: Vec<u64> = commit.leaves.iter().map(|leaf| self.append(leaf, at)).collect();
        let version = commit.row.map(|write| self.put_row(write, commit.draft));
        for hold in commit.holds {
            self.holds.retain(|old| (&old.subject, old.drift) != (&hold.subject, hold.drift));
            self.holds.push(hold);
        }
        commit.work.into_iter().for_each(|change| self.change_work(change));
        self.blobs.extend(commit.blobs.into_iter().map(|blob| (Digest::of(&blob), blob)));
        if let Some(FinalAnswer { id, request, answer }) = commit.answer {
            self.answers.insert(id, KeptAnswer { request, answer, leaf: indexes.first().copied() });
        }
        if let Some(repeatable) = commit.repeatable {
            self.repeatables.insert((repeatable.principal.clone(), repeatable.key.clone()), repeatable);
        }
        if let Some(session) = commit.session {
            self.sessions.insert(session.token, session);
        }
        self.head.epoch = commit.epoch.unwrap_or(self.head.epoch);
        if let Some((size, line)) = commit.cosignature {
            let lines = self.cosignatures.entry(size).or_default();
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
        Committed::At(Receipt { indexes, size: self.head.size, version, at })
    }

    fn append(&mut self, leaf: &LeafDraft, at: Timestamp) -> u64 {
        let index = self.head.size;
        let prev = self.threads.insert(leaf.about.thread(), index);
        let bytes = seal::bytes(leaf, at, prev);
        self.tree.push(&bytes);
        self.leaves.push(Entry { at, event: leaf.event, row: leaf.about.row(), bytes });
        self.head.size += 1;
        self.head.at = at;
        self.head.authority += u64::from(leaf.moves_authority());
        index
    }

    fn put_row(&mut self, write: RowWrite, draft: Option<Box<Draft>>) -> u64 {
        let RowWrite { mut row, expected } = write;
        if expected.is_none() {
            self.head.next.insert(row.id.kind, row.id.number + 1);
        }
        row.version = expected.unwrap_or(0) + 1;
        let version = row.version;
        if let Some(draft) = draft {
            self.drafts.insert((row.id, row.revision), *draft);
        }
        self.rows.insert(row.id, row);
        version
    }

    fn change_work(&mut self, change: WorkChange) {
        match change {
            WorkChange::Add { kind, row, payload, not_before } => {
                let queued =
                    Queued { kind, row, payload, not_before, leased_until: None, fence: 0, attempts: 0 };
                self.work.insert(self.next_work, queued);
                self.next_work += 1;
            }
            WorkChange::Holding { .. } => {}
            WorkChange::Renew { id, until, .. } => {
                if let Some(work) = self.work.get_mut(&id) {
                    work.leased_until = Some(until);
                }
            }
            WorkChange::Later { id, not_before, .. } => {
                if let Some(work) = self.work.get_mut(&id) {
                    (work.leased_until, work.not_before) = (None, not_before);
                }
            }
            WorkChange::Untried { id, not_before, .. } => {
                if let Some(work) = self.work.get_mut(&id) {
                    (work.leased_until, work.not_before) = (None, not_before);
                    work.attempts = work.attempts.saturating_sub(1);
                }
            }
            WorkChange::Done { id, .. } => {
                self.work.remove(&id);
            }
        }
    }

    fn take(&mut self, kind: WorkKind, now: Timestamp, lease: SignedDuration) -> Option<Work> {
        let free =
            |work: &Queued| work.not_before <= now && work.leased_until.is_none_or(|until| until <= now);
        let mut due = self.work.iter_mut().filter(|(_, work)| work.kind == kind && free(work));
        let (&id, work) = due.next()?;
        let leased_until = now.saturating_add(lease).unwrap_or(now);
        self.fence += 1;
        (work.fence, work.leased_until) = (self.fence, Some(leased_until));
        work.attempts += 1;
        let (row, payload) = (work.row, work.payload.clone());
        Some(Work { id, kind, row, payload, fence: self.fence, attempts: work.attempts, leased_until })
    }

    fn matches(row: &Row, query: &RowQuery) -> bool {
        (query.states.is_empty() || query.states.contains(&row.state()))
            && (query.kinds.is_empty() || query.kinds.contains(&row.id.kind))
            && query.incident.as_ref().is_none_or(|incident| row.incident.as_ref() == Some(incident))
            && query.subject.as_ref().is_none_or(|subject| row.subject == *subject)
            && query.since.is_none_or(|since| row.changed_at >= since)
    }

    fn page(&self, query: &RowQuery) -> Page {
        let order = |row: &Row| (row.changed_at, row.id.to_string());
        let after = query.after.map(|cursor| (cursor.changed_at, cursor.row.to_string()));
        let before = |row: &&Row| after.as_ref().is_none_or(|place| order(row) < *place);
        let mut rows: Vec<_> =
            self.rows.values().filter(|row| Self::matches(row, query)).filter(before).cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(order(row)));
        rows.truncate(query.limit());
        let next = if rows.len() == query.limit() { rows.last().map(Cursor::of) } else { None };
        Page { rows, next }
    }

    /// Ranked as [`crate::row::search::ranked`] says.
    fn search(&self, search: &Search) -> Found {
        let drafted = |row: &'_ Row| self.drafts.get(&(row.id, row.revision));
        let rows: Vec<(&Row, &Draft)> =
            self.rows.values().filter_map(|row| Some((row, drafted(row)?))).collect();
        let indexed: Vec<_> = rows.iter().map(|(row, draft)| Indexed::of(&Looked::of(row, draft))).collect();
        let mut fits: Vec<(f64, &Row)> = ranked(&search.query, &indexed)
            .into_iter()
            .zip(rows)
            .filter_map(|(fit, (row, _))| Some((fit?, row)))
            .filter(|(_, row)| Self::matches(row, &search.among))
            .filter(|(_, row)| search.query.admits(row.id, row.state(), row.changed_at, search.now))
            .collect();
        let newest = |row: &Row| std::cmp::Reverse((row.changed_at, row.id.to_string()));
        fits.sort_by(|(a, one), (b, other)| b.total_cmp(a).then_with(|| newest(one).cmp(&newest(other))));
        let rows =
            fits.into_iter().skip(search.skip).take(search.limit()).map(|(_, row)| row.clone()).collect();
        Found::page(rows, search)
    }

    fn leaves(&self, which: Leaves) -> Vec<Leaf> {
        let fits = |index: u64, entry: &Entry| match which {
            Leaves::From { index: from, .. } => index >= from,
            Leaves::OfRow(row) => entry.row == Some(row),
            Leaves::Authority { from } => index >= from && moves_authority(entry.event),
            Leaves::Between { since, until, .. } => (since..=until).contains(&entry.at),
        };
        let limit = match which {
            Leaves::From { limit, .. } | Leaves::Between { limit, .. } => limit.min(Leaves::LEAVES_MAX),
            Leaves::OfRow(_) | Leaves::Authority { .. } => usize::MAX,
        };
        let all = (0..).zip(&self.leaves).filter(|(index, entry)| fits(*index, entry));
        all.take(limit).map(|(index, entry)| Leaf { index, bytes: entry.bytes.clone() }).collect()
    }

    fn whole(&self, row: &Row, revision: Option<u32>) -> Option<Whole> {
        let draft = self.drafts.get(&(row.id, revision.unwrap_or(row.revision)))?.clone();
        let place = |key: &crate::row::Key| {
            Some((key.decision_id.clone(), self.answers.get(&key.decision_id)?.leaf?))
        };
        Some(Whole { row: row.clone(), draft, decisions: row.keys.iter().filter_map(place).collect() })
    }

    fn turn(&mut self, place: &Place, turn: Turn, now: Timestamp) -> Result<Waiting, No> {
        let before = self.waiting.get(place);
        if waiting::begins(before, &turn) {
            let lately = now.saturating_sub(SIGNS_WITHIN).unwrap_or(Timestamp::MIN);
            let of_service = |one: &&Waiting| one.place.service == place.service && one.seen_at >= lately;
            if self.waiting.values().filter(of_service).count() >= RUNS_MAX {
                return Err(No::TooMany(place.service.clone()));
            }
        }
        let after = waiting::turn(before, place, turn, now)?;
        let oldest = now.saturating_sub(WAITING_KEPT).unwrap_or(Timestamp::MIN);
        self.waiting.retain(|_, waiting| waiting.seen_at >= oldest);
        self.waiting.insert(place.clone(), after.clone());
        Ok(after)
    }

    fn told_from(&self, index: u64, row: RowId) -> bool {
        let from = usize::try_from(index).unwrap_or(usize::MAX);
        self.leaves.iter().skip(from).any(|entry| entry.row == Some(row))
    }

    fn standing_holds(&self) -> Vec<Hold> {
        let mut holds: Vec<_> = self.holds.iter().filter(|hold| hold.lifted.is_none()).cloned().collect();
        holds.sort_by_key(|hold| hold.since);
        holds
    }
}

impl Store for Memory {
    fn commit(&self, commit: Commit) -> Pending<'_, Committed> {
        self.with(|state| {
            let done = state.write(commit);
            self.grown.send_if_modified(|size| std::mem::replace(size, state.head.size) != state.head.size);
            done
        })
    }

    fn take_work(&self, kind: WorkKind, now: Timestamp, lease: SignedDuration) -> Pending<'_, Option<Work>> {
        self.with(|state| state.take(kind, now, lease))
    }

    fn reclaim_work(&self) -> Pending<'_, u64> {
        self.with(|state| {
            let held = state.work.values_mut().filter(|work| work.leased_until.is_some());
            held.map(|work| work.leased_until = None).count() as u64
        })
    }

    fn turn(&self, place: Place, turn: Turn, now: Timestamp) -> Pending<'_, Result<Waiting, No>> {
        self.with(|state| state.turn(&place, turn, now))
    }

    fn waiting(&self, place: Place) -> Pending<'_, Option<Waiting>> {
        self.with(|state| state.waiting.get(&place).cloned())
    }

    fn waiting_since(&self, since: Timestamp, limit: usize) -> Pending<'_, Vec<Waiting>> {
        self.with(|state| {
            let mut found: Vec<_> =
                state.waiting.values().filter(|one| one.seen_at >= since).cloned().collect();
            found.sort_by_key(|one| std::cmp::Reverse(one.seen_at));
            found.truncate(limit);
            found
        })
    }

    fn head(&self) -> Pending<'_, Head> {
        self.with(|state| state.head.clone())
    }

    fn grown(&self) -> watch::Receiver<u64> {
        self.grown.subscribe()
    }

    fn row(&self, id: RowId) -> Pending<'_, Option<Row>> {
        self.with(|state| state.rows.get(&id).cloned())
    }

    fn draft(&self, id: RowId, revision: u32) -> Pending<'_, Option<Draft>> {
        self.with(|state| state.drafts.get(&(id, revision)).cloned())
    }

    fn drafts(&self, of: Vec<(RowId, u32)>) -> Pending<'_, HashMap<RowId, Draft>> {
        self.with(|state| {
            of.into_iter().filter_map(|of| Some((of.0, state.drafts.get(&of)?.clone()))).collect()
        })
    }

    fn open_row(&self, kind: Kind, subject: &str, now: Timestamp) -> Pending<'_, Option<Row>> {
        self.with(|state| state.open_row(kind, subject, now).cloned())
    }

    fn rows(&self, query: RowQuery) -> Pending<'_, Page> {
        self.with(|state| state.page(&query))
    }

    fn search(&self, search: Search) -> Pending<'_, Found> {
        self.with(|state| state.search(&search))
    }

    fn whole(&self, id: RowId, revision: Option<u32>) -> Pending<'_, Option<Whole>> {
        self.with(|state| state.rows.get(&id).and_then(|row| state.whole(row, revision)))
    }

    fn open_rows(&self, now: Timestamp) -> Pending<'_, Vec<Row>> {
        self.with(|state| state.rows.values().filter(|row| !row.stage.terminal(now)).cloned().collect())
    }

    fn snapshot(&self, which: Changed) -> Pending<'_, Snapshot> {
        self.with(|state| {
            let wanted = |row: &&Row| match which {
                Changed::Since { since, now } => row.changed_at >= since || !row.stage.terminal(now),
                Changed::From(index) => state.told_from(index, row.id),
            };
            let mut rows: Vec<_> = state.rows.values().filter(wanted).collect();
            rows.sort_by_key(|row| std::cmp::Reverse((row.changed_at, row.id.to_string())));
            let rows = rows.into_iter().filter_map(|row| state.whole(row, None)).collect();
            Snapshot { head: state.head.clone(), rows, holds: state.standing_holds() }
        })
    }

    fn leaves(&self, which: Leaves) -> Pending<'_, Vec<Leaf>> {
        self.with(|state| state.leaves(which))
    }

    fn answer(&self, id: DecisionId) -> Pending<'_, Option<KeptAnswer>> {
        self.with(|state| state.answers.get(&id).cloned())
    }

    fn repeated(&self, principal: PrincipalId, key: String) -> Pending<'_, Option<Repeatable>> {
        self.with(|state| state.repeatables.get(&(principal, key)).cloned())
    }

    fn holds(&self) -> Pending<'_, Vec<Hold>> {
        self.with(|state| state.standing_holds())
    }

    fn blob(&self, digest: Digest) -> Pending<'_, Option<Vec<u8>>> {
        self.with(|state| state.blobs.get(&digest).cloned())
    }

    fn session(&self, token: Digest) -> Pending<'_, Option<Session>> {
        self.with(|state| state.sessions.get(&token).cloned())
    }

    fn nodes(&self, level: u8, from: u64, count: u64) -> Pending<'_, Vec<Hash>> {
        self.with(|state| {
            let range = from..from.saturating_add(count);
            range.map_while(|index| state.tree.node(level, index).ok()).collect()
        })
    }

    fn root(&self, size: u64) -> Pending<'_, Hash> {
        let root = self.proof(|tree| Ok(vec![merkle::root(size, |level, index| tree.node(level, index))?]));
        Box::pin(async { root.await?.pop().ok_or(StoreError::Stopped) })
    }

    fn inclusion(&self, index: u64, size: u64) -> Pending<'_, Vec<Hash>> {
        self.proof(|tree| merkle::inclusion(index, size, |level, index| tree.node(level, index)))
    }

    fn consistency(&self, old: u64, new: u64) -> Pending<'_, Vec<Hash>> {
        self.proof(|tree| merkle::consistency(old, new, |level, index| tree.node(level, index)))
    }

    fn cosignatures(&self, size: u64) -> Pending<'_, Vec<String>> {
        self.with(|state| state.cosignatures.get(&size).cloned().unwrap_or_default())
    }
}
