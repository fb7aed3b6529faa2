//! The leaves of a pack in their order: do they follow from each other, and from what was signed?
//!
//! Never: takes a leaf's word for what a signature has to say.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;

use jiff::Timestamp;

use super::Report;
use super::story::{self, Accepted, Story};
use crate::audit::authority::Authority;
use crate::audit::leaf::{Actor, Leaf};
use crate::audit::note;
use crate::audit::sshsig::{self, PublicKey, Purpose, SigError};
use crate::audit::statement::{Seen, Statement};
use crate::row::{Decision, DecisionId, Event, PrincipalId, PrincipalKind, RowId};

/// Signatures that are checked together.
const BATCH: usize = 256;
/// Fewer than these are not worth a thread.
const BATCH_MIN: usize = 8;

/// What the leaves so far say.
pub(super) struct Replay {
    authority: Authority,
    origin: String,
    last: Option<(u64, Timestamp)>,
    rows: HashMap<RowId, Story>,
    accepted: HashSet<DecisionId>,
    pending: Vec<Signed>,
    running: VecDeque<JoinHandle<Vec<Wrong>>>,
    by_policy: u64,
    /// Agents that proposed and that no leaf gives an owner.
    ownerless: BTreeSet<PrincipalId>,
    /// Keys and roles have to be there still when something is begun. Who is about to begin it looks for themselves, and
    /// says whose are not.
    still: bool,
}

/// What a leaf brought that has files of its own in the pack.
#[derive(Default)]
pub(super) struct Taken {
    /// The decision that it accepted.
    pub(super) accepted: Option<DecisionId>,
    /// The head that its statement saw.
    pub(super) seen: Option<Seen>,
}

/// A leaf whose signature is not good, and why.
type Wrong = (u64, String);

/// A signature that waits for its batch.
struct Signed {
    index: u64,
    reviewer: PrincipalId,
    keys: Vec<Arc<PublicKey>>,
    leaf: Arc<Leaf>,
}

impl Replay {
    pub(super) fn new(authority: Authority, origin: &str) -> Replay {
        Replay {
            authority,
            origin: origin.to_owned(),
            last: None,
            rows: HashMap::new(),
            accepted: HashSet::new(),
            pending: Vec::with_capacity(BATCH),
            running: VecDeque::new(),
            by_policy: 0,
            ownerless: BTreeSet::new(),
            still: true,
        }
    }

    /// For whoever looks at keys and roles themselves.
    pub(super) fn bare(self) -> Replay {
        Replay { still: false, ..self }
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Whether a leaf accepted this decision.
    pub(super) fn has_accepted(&self, id: &DecisionId) -> bool {
        self.accepted.contains(id)
    }

    /// How many decisions were accepted.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// Executions that a policy decided.
    pub(super) fn by_policy(&self) -> u64 {
        self.by_policy
    }

    /// Takes the next leaf.
    pub(super) fn take(&mut self, index: u64, leaf: &Arc<Leaf>, report: &mut Report) -> Taken {
        let place = format!("entries/{index}.json");
        if let Some((before, at)) = self.last
            && at > leaf.at
        {
            report.disproved(&place, format!("is dated before leaf {before}"));
        }
        self.last = Some((index, leaf.at));
        if leaf.prev.is_some_and(|prev| prev >= index) {
            report.disproved(&place, "names a later leaf as its predecessor");
        }
        let mut taken = Taken::default();
        match self.authority.apply(index, leaf) {
            Err(error) => report.disproved(&place, error.to_string()),
            Ok(Some(statement)) => {
                report.counts.signatures += 1;
                taken.seen = Some(statement.seen);
            }
            Ok(None) => {}
        }
        if let Some(row) = leaf.row
            && let Some(statement) = self.take_row(index, row, leaf, &place, report)
        {
            taken = Taken { accepted: Some(statement.decision_id), seen: Some(statement.seen) };
        }
        taken.seen = taken.seen.filter(|seen| self.is_earlier_head(index, seen, &place, report));
        if self.pending.len() >= BATCH {
            self.check_pending(report);
        }
        taken
    }

    /// Waits for the signatures that are not checked yet.
    pub(super) fn finish(&mut self, report: &mut Report) {
        self.check_pending(report);
        while !self.running.is_empty() {
            self.join_oldest(report);
        }
    }

    /// Hands the signatures that wait to a thread, so that reading goes on meanwhile.
    fn check_pending(&mut self, report: &mut Report) {
        let batch = Arc::new(std::mem::take(&mut self.pending));
        report.counts.signatures += batch.len() as u64;
        let namespace = Purpose::Decision.namespace(self.authority.org());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        while self.running.len() >= threads {
            self.join_oldest(report);
        }
        let mut thread = None;
        if batch.len() >= BATCH_MIN {
            let (batch, namespace) = (batch.clone(), namespace.clone());
            thread = std::thread::Builder::new().spawn(move || wrong_ones(&batch, &namespace)).ok();
        }
        match thread {
            Some(thread) => self.running.push_back(thread),
            None => tell(wrong_ones(&batch, &namespace), report),
        }
    }

    fn join_oldest(&mut self, report: &mut Report) {
        match self.running.pop_front().map(JoinHandle::join) {
            Some(Ok(wrong)) => tell(wrong, report),
            Some(Err(_)) => report.unchecked("entries", "some signatures could not be checked"),
            None => {}
        }
    }

    fn is_earlier_head(&self, index: u64, seen: &Seen, place: &str, report: &mut Report) -> bool {
        if seen.origin != self.origin {
            report.disproved(place, format!("its statement is about another log, {}", seen.origin));
        } else if seen.size > index {
            report.disproved(place, "its statement saw a head that came after it");
        }
        seen.origin == self.origin && seen.size <= index
    }

    fn take_row(
        &mut self,
        index: u64,
        row: RowId,
        leaf: &Arc<Leaf>,
        place: &str,
        report: &mut Report,
    ) -> Option<Statement> {
        let mut statement = None;
        let known = self.rows.get(&row).map(|story| story.last);
        match (known, leaf.prev) {
            (known, prev) if known == prev => {}
            (Some(last), Some(prev)) if prev < last => {
                report.disproved(place, format!("does not follow leaf {last} of {row}: two histories"));
            }
            (_, Some(prev)) => report.unchecked(place, format!("leaf {prev} of {row} before it is missing")),
            (_, None) => report.disproved(place, format!("begins {row} a second time")),
        }
        let mut story = self.rows.remove(&row).unwrap_or_default();
        story.last = index;
        story.void(leaf);
        match leaf.event {
            Event::RowOpened | Event::RowRevised => {
                if let Err(text) = story.propose(leaf) {
                    report.disproved(place, text);
                }
                self.note_owner(&leaf.actor, report);
            }
            Event::PolicyDecided => {
                let policy = leaf.body.text("policy").unwrap_or_default().to_owned();
                story.policies.push((leaf.revision.unwrap_or(0), policy));
            }
            Event::DecisionAccepted => match self.accept(index, row, leaf, &mut story, report) {
                Ok(accepted) => statement = Some(accepted),
                Err(text) => report.disproved(place, text),
            },
            // The answer that says no follows from a decline.
            Event::ExecutionIntended if leaf.body.text("answer") == Some("rejected") => {
                if let Err(text) = story.may_reject(leaf) {
                    report.disproved(place, text);
                }
            }
            Event::ExecutionIntended => {
                // An effect of several writes has an intent for each.
                report.counts.executions += u64::from(!story.intended);
                story.intended = true;
                if let Some(other) = story.declined(leaf) {
                    let text =
                        format!("That the decline of {other} on {row} did not count before leaf {index}.");
                    report.unproved.push(text);
                }
                match story.may_execute(leaf, self.still.then_some(&self.authority)) {
                    Ok(by_policy) => self.by_policy += u64::from(by_policy),
                    Err(text) => report.disproved(place, text),
                }
            }
            Event::ExecutionConfirmed if !story.intended && leaf.body.text("answer") != Some("rejected") => {
                // Done by hand: what counted was what was so when it was signed.
                if let Err(text) = story.may_execute(leaf, None) {
                    report.disproved(place, text);
                }
            }
            _ => {}
        }
        self.rows.insert(row, story);
        statement
    }

    /// Says so, once, where no leaf tells whose an agent is: then nobody can be kept from deciding its rows.
    fn note_owner(&mut self, actor: &Actor, report: &mut Report) {
        let unknown = actor.kind == PrincipalKind::Agent && self.authority.owner(&actor.id).is_none();
        if unknown && self.ownerless.insert(actor.id.clone()) {
            let text = format!(
                "That nobody decided rows of their own agent {}: no leaf says whose it is.",
                actor.id
            );
            report.unproved.push(text);
        }
    }

    /// All about an accepted decision but its signature, which waits for its batch.
    fn accept(
        &mut self,
        index: u64,
        row: RowId,
        leaf: &Arc<Leaf>,
        story: &mut Story,
        report: &mut Report,
    ) -> Result<Statement, String> {
        let (text, signature) = leaf.signed().ok_or("carries no statement and signature")?;
        let statement =
            Statement::parse(text.as_bytes()).map_err(|error| format!("the statement: {error}"))?;
        let reviewer = &statement.reviewer;
        let needed = leaf.body.text("keys_needed").and_then(note::plain_number);
        let content = story.contents.get(&statement.revision);
        let own = story
            .proposers
            .iter()
            .find(|&proposer| proposer == reviewer || self.authority.owner(proposer) == Some(reviewer));
        for (wrong, what) in [
            (statement.org != self.authority.org(), "its statement is of another organisation"),
            (*reviewer != leaf.actor.id, "its statement is of another person"),
            (leaf.actor.kind != PrincipalKind::Human, "only people decide"),
            (statement.row != row, "its statement is about another row"),
            (
                leaf.revision.is_some_and(|it| it != statement.revision),
                "its statement is about another revision",
            ),
            (
                content.is_some_and(|it| *it != statement.content.to_string()),
                "its statement is about other content",
            ),
            (own.is_some(), "nobody decides what they, or an agent of theirs, proposed"),
            (
                statement.decision == Decision::Approve && needed.is_none(),
                "does not say how many keys are needed",
            ),
        ] {
            if wrong {
                return Err(what.to_owned());
            }
        }
        if !self.accepted.insert(statement.decision_id.clone()) {
            return Err(format!("repeats the decision {}", statement.decision_id));
        }
        report.counts.decisions += 1;
        if statement.decision == Decision::Withdraw {
            let mine = |accepted: &&mut Accepted| accepted.reviewer == *reviewer;
            story.decisions.iter_mut().filter(mine).for_each(|accepted| accepted.void = true);
        }
        story.decisions.push(Accepted {
            id: statement.decision_id.clone(),
            reviewer: reviewer.clone(),
            decision: statement.decision,
            revision: statement.revision,
            content: statement.content,
            effect: statement.effect,
            keys_needed: needed.unwrap_or(1),
            // What cannot be read is no good signature either, which its batch tells.
            key: sshsig::key_blob(signature).unwrap_or_default(),
            touched: story::touched(leaf),
            attributes: self.authority.with_roles(reviewer, &leaf.attributes()),
            void: false,
        });
        let keys: Vec<_> = self.authority.keys(reviewer, leaf.at).map(|key| key.key.clone()).collect();
        self.pending.push(Signed { index, reviewer: reviewer.clone(), keys, leaf: leaf.clone() });
        Ok(statement)
    }
}

fn wrong_ones(batch: &[Signed], namespace: &str) -> Vec<Wrong> {
    let wrong = |signed: &Signed| Some((signed.index, signed.check(namespace).err()?));
    batch.iter().filter_map(wrong).collect()
}

fn tell(wrong: Vec<Wrong>, report: &mut Report) {
    for (index, text) in wrong {
        report.disproved(format!("entries/{index}.json"), text);
    }
}

impl Signed {
    fn check(&self, namespace: &str) -> Result<(), String> {
        let (statement, signature) = self.leaf.signed().unwrap_or_default();
        let mut error = format!("{} had no key that was enrolled and valid at this leaf", self.reviewer);
        for key in &self.keys {
            match key.verify(namespace, statement.as_bytes(), signature) {
                Ok(verified) => {
                    let said = self.leaf.body.text("touch");
                    let differs = said.is_some_and(|said| said != verified.touch.word());
                    return if differs {
                        Err("says another touch than the signature".to_owned())
                    } else {
                        Ok(())
                    };
                }
                Err(SigError::OtherKey) => {}
                Err(why) => error = format!("{}: {why}", self.reviewer),
            }
        }
        Err(error)
    }
}
