//! Scripts of steps and what comes of them, then the properties that hold for all.

use std::num::NonZeroU32;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::row::{Attributes, Filter, Kind, RowId, Threshold};

const START: &str = "2026-03-04T02:14:00Z";

/// One row, its clock, and words for what happens to it.
struct World {
    now: Timestamp,
    row: Option<Row>,
    count: u8,
    /// What the record says is void.
    void: std::collections::BTreeSet<String>,
}

fn digests(seed: &str) -> Digests {
    let of = |name: &str| Digest::of(format!("{name} {seed}"));
    Digests {
        content: of("content"),
        base: of("base"),
        effect: of("effect"),
        evidence: of("evidence"),
        presented: of("presented"),
    }
}

fn row(kind: Kind, verdict: Verdict, risk: Risk, keys: u32, now: Timestamp) -> Row {
    Row {
        id: RowId { kind, number: 8821 },
        subject: "checkout-web".to_owned(),
        environment: "production".to_owned(),
        title: "configmap drift on feature flag".to_owned(),
        agent: "argus".parse().unwrap(),
        owner: "ana".parse().unwrap(),
        verdict,
        incident: Some("INC-771".to_owned()),
        parent: None,
        reviewers: vec![],
        risk,
        rule: Rule::keys(NonZeroU32::new(keys).unwrap()),
        revision: 1,
        version: 1,
        digests: digests("1"),
        base_revision: "4f1c9e2".to_owned(),
        drift: Some(Digest::of("drift")),
        claim: false,
        stage: Stage::Pending,
        keys: vec![],
        withdrawn_by_person: false,
        revised_by: None,
        again: std::collections::BTreeMap::new(),
        created_at: now,
        changed_at: now,
        expires_at: now.saturating_add(Row::lifetime(kind)).unwrap(),
    }
}

fn key(row: &Row, decision: Decision, by: &str, id: u8, now: Timestamp) -> Key {
    Key {
        decision_id: DecisionId::new(u64::from(id), [id; 10]),
        decision,
        overrides: false,
        reviewer: by.parse().unwrap(),
        revision: row.revision,
        note: Some(Note::parse("read the whole diff").unwrap()),
        made_at: now,
        at: now,
        offline: false,
        on_screen_s: 41,
        attributes: Attributes::from([("role".to_owned(), vec!["sre".to_owned()])]),
        key_fingerprint: "SHA256:9f2c".to_owned(),
        touch: Touch::Unproven,
        evidence: row.digests.evidence,
        effect: row.digests.effect,
        conditions: std::collections::BTreeMap::new(),
        void: None,
    }
}

fn judgement(row: &Row, key: Key) -> Judgement {
    let Digests { content, base, presented, effect, .. } = row.digests;
    let effect_due = Some(effect);
    Judgement { key, content, base, presented, effect_due, authority: None, overtaken: false, hold: None }
}

fn next_revision(row: &Row) -> Revision {
    Revision {
        title: row.title.clone(),
        verdict: row.verdict,
        incident: row.incident.clone(),
        reviewers: vec![],
        risk: row.risk,
        rule: row.rule.clone(),
        digests: digests(&(row.revision + 1).to_string()),
        base_revision: "next".to_owned(),
        drift: row.drift,
        claim: false,
        amended_by: None,
    }
}

impl World {
    fn at(start: &str) -> Self {
        Self { now: start.parse().unwrap(), row: None, count: 0, void: std::collections::BTreeSet::new() }
    }

    fn step(&mut self, words: &[&str]) -> Step {
        self.count += 1;
        let row = self.row.as_ref().unwrap();
        let id = DecisionId::new(u64::from(self.count), [self.count; 10]);
        let moved =
            vec![Moved { what: "ConfigMap/flags live".to_owned(), was: "a".to_owned(), is: "b".to_owned() }];
        let decide = |decision: Decision| {
            let mut key = key(row, decision, words[1], self.count, self.now);
            let mut seen = judgement(row, key.clone());
            for word in &words[2..] {
                match *word {
                    "silently" => key.note = None,
                    "overriding" => key.overrides = true,
                    "of-r1" => key.revision = 1,
                    "unauthorised" => seen.authority = Some(Refusal::NotOnCall { who: key.reviewer.clone() }),
                    "on-other-content" => seen.content = Digest::of("other"),
                    "on-other-base" => seen.base = Digest::of("other"),
                    "with-canary" => {
                        key.conditions.insert("canary".to_owned(), "10%".to_owned());
                        seen.effect_due = None;
                    }
                    other => panic!("unknown word {other}"),
                }
            }
            seen.key = key;
            Step::Decide(Box::new(seen))
        };
        match words[0] {
            "approve" => decide(Decision::Approve),
            "decline" => decide(Decision::Decline),
            "needs-changes" => decide(Decision::NeedsChanges),
            "withdraw" => decide(Decision::Withdraw),
            "policy" => Step::PolicyDecides { decision: id, policy: "staging-patch v3".to_owned() },
            "revise" => Step::Revise(Box::new(next_revision(row))),
            "amend" => {
                let amended_by = Some(words[1].parse().unwrap());
                Step::Revise(Box::new(Revision { amended_by, ..next_revision(row) }))
            }
            "base-moved" => Step::BaseMoved { moved },
            "stale" => Step::Stale { moved },
            "lapse" => Step::Lapse,
            "read-again" => Step::ReadAgain {
                evidence: row.digests.evidence,
                again: [(0, Again { at: self.now, value: None })].into(),
            },
            "intend" => {
                let write = match words.get(1) {
                    Some(&"canary") => Write::Canary,
                    Some(&"answer") => Write::Answer,
                    Some(&"apply") => Write::Apply,
                    _ => Write::Sync,
                };
                let tag = row.stage.execution().map_or(id, |execution| execution.tag.clone());
                Step::Intend { tag, write, before: Before::default(), request: Digest::of("request") }
            }
            "wrote" => Step::Wrote { detail: "answered".to_owned() },
            "confirm" => Step::Confirm { detail: "synced".to_owned() },
            "fail" => Step::Fail { detail: "refused".to_owned() },
            "part" => Step::Part { undone: Write::Apply, detail: "answered; not applied".to_owned() },
            "cannot-tell" => Step::CannotTell { detail: "no trace".to_owned() },
            "attest" => Step::Attest {
                by: "ben".parse().unwrap(),
                executed: true,
                note: Note::parse("looked at the history").unwrap(),
            },
            "healthy" => Step::Health { health: Health::Healthy, detail: "Healthy".to_owned() },
            "degraded" => Step::Health {
                health: Health::Degraded {
                    watch_until: self.now.saturating_add(SignedDuration::from_mins(30)).unwrap(),
                },
                detail: "Degraded".to_owned(),
            },
            "rolled-back" => Step::Health { health: Health::RolledBack, detail: "older revision".to_owned() },
            "end-watch" => Step::EndWatch { why: "a new drift was drafted".to_owned() },
            "restored" => Step::Restored,
            "supersede" => Step::Supersede { why: "in sync again".to_owned() },
            other => panic!("unknown step {other}"),
        }
    }

    fn play(&mut self, line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[0] {
            "open" => {
                let verdict = match words[2] {
                    "sync" => Verdict::Sync,
                    "hold" => Verdict::Hold,
                    _ => Verdict::Block,
                };
                let risk = if words[3] == "irreversible" { Risk::Irreversible } else { Risk::Reversible };
                let kind = if words[1] == "gate" { Kind::Gate } else { Kind::Sync };
                self.row = Some(row(kind, verdict, risk, words[4].parse().unwrap(), self.now));
            }
            "wait" => {
                let minutes: i64 = words[1].trim_end_matches('m').parse().unwrap();
                self.now = self.now.saturating_add(SignedDuration::from_mins(minutes)).unwrap();
            }
            _ => {
                let step = self.step(&words);
                match apply(&Ruling::default(), self.row.as_ref().unwrap(), &step, self.now) {
                    Ok(transition) => {
                        let bodies =
                            transition.entries.iter().filter_map(|entry| entry.body.get("void")?.as_list());
                        self.void.extend(bodies.flatten().filter_map(c1::Value::as_text).map(str::to_owned));
                        self.row = Some(transition.row);
                    }
                    Err(refusal) => return format!("refused {}", refusal.code()),
                }
            }
        }
        self.row.as_ref().unwrap().state().to_string()
    }
}

#[track_caller]
fn check(script: &str) {
    let mut world = World::at(START);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (step, expected) = line.split_once("->").expect("every line says what comes of it");
        assert_eq!(world.play(step), expected.trim(), "at: {line}");
    }
}

#[test]
fn one_key_approves_a_reversible_row_and_it_ends_healthy() {
    check(
        "open sync sync reversible 1 -> pending
         approve ben                 -> approved
         approve chi                 -> refused already_decided
         withdraw chi                -> refused out_of_step
         intend                      -> executing
         withdraw ben                -> refused already_executing
         confirm                     -> executed
         healthy                     -> healthy
         decline chi                 -> refused already_decided",
    );
}

#[test]
fn evidence_that_is_read_again_moves_nothing_and_voids_no_key() {
    check(
        "open sync sync irreversible 2 -> pending
         read-again                    -> pending
         approve ben                   -> half_signed
         read-again                    -> half_signed
         approve chi                   -> approved
         read-again                    -> refused out_of_step",
    );
    let now: Timestamp = START.parse().unwrap();
    let mut world = World::at(START);
    world.row = Some(row(Kind::Sync, Verdict::Sync, Risk::Reversible, 1, now));
    for (step, dated) in [("read-again", 1), ("revise", 0)] {
        world.play(step);
        assert_eq!(world.row.as_ref().unwrap().again.len(), dated, "another revision is as old as its draft");
    }
}

#[test]
fn an_agents_revision_voids_an_approval_that_nobody_has_begun() {
    check(
        "open sync sync reversible 1 -> pending
         approve ben                 -> approved
         revise                      -> pending
         approve ben                 -> approved
         intend                      -> executing
         revise                      -> refused out_of_step",
    );
}

#[test]
fn what_was_done_in_part_is_executed_and_followed() {
    check(
        "open sync sync reversible 1 -> pending
         approve ben                 -> approved
         part                        -> refused out_of_step
         intend answer               -> executing
         part                        -> refused out_of_step
         wrote                       -> executing
         intend apply                -> executing
         part                        -> executed
         degraded                    -> degraded
         rolled-back                 -> rolled_back",
    );
}

#[test]
fn a_reviewers_change_voids_the_keys_and_is_for_undecided_rows_alone() {
    check(
        "open sync sync irreversible 2 -> pending
         approve ben                   -> half_signed
         amend chi                     -> pending
         approve chi                   -> half_signed
         approve ben                   -> approved
         amend ben                     -> refused out_of_step",
    );
    check(
        "open sync sync reversible 1 -> pending
         needs-changes ben           -> needs_changes
         amend ben                   -> pending
         decline ben                 -> declined
         amend ben                   -> refused out_of_step",
    );
}

#[test]
fn an_irreversible_row_needs_two_people_within_fifteen_minutes() {
    check(
        "open gate sync irreversible 2 -> pending
         approve ana                   -> refused own_proposal
         approve ben                   -> half_signed
         approve ben                   -> refused already_reviewed
         wait 14m                      -> half_signed
         lapse                         -> refused out_of_step
         wait 1m                       -> half_signed
         lapse                         -> pending
         approve ben                   -> half_signed
         wait 16m                      -> half_signed
         approve chi                   -> half_signed
         approve ben                   -> approved
         wait 15m                      -> approved
         lapse                         -> pending",
    );
}

#[test]
fn a_gate_is_carried_out_write_by_write() {
    check(
        "open gate sync reversible 1 -> pending
         wrote                       -> refused out_of_step
         approve ben                 -> approved
         intend canary               -> executing
         intend answer               -> refused out_of_step
         wrote                       -> executing
         wrote                       -> refused out_of_step
         stale                       -> refused out_of_step
         intend canary               -> refused out_of_step
         intend answer               -> executing
         withdraw ben                -> refused already_executing
         wrote                       -> executing
         intend apply                -> executing
         confirm                     -> executed
         rolled-back                 -> rolled_back",
    );
    check(
        "open gate sync reversible 1 -> pending
         approve ben                 -> approved
         intend canary               -> executing
         cannot-tell                 -> unknown",
    );
    let mut world = World::at(START);
    for step in ["open gate sync reversible 1", "approve ben", "intend answer", "wrote", "intend apply"] {
        world.play(step);
    }
    assert_eq!(world.play("confirm"), "executed");
    let done = world.row.unwrap().stage.execution().unwrap().done.clone();
    let writes: Vec<_> = done.iter().map(|done| done.write.word()).collect();
    assert_eq!(writes, ["answer", "apply"]);
}

#[test]
fn a_declined_gate_stays_declined_while_its_platform_is_told() {
    check(
        "open gate sync reversible 1 -> pending
         decline ben                 -> declined
         confirm                     -> refused out_of_step
         intend answer               -> declined
         intend answer               -> refused out_of_step
         confirm                     -> declined
         fail                        -> refused out_of_step
         healthy                     -> refused out_of_step",
    );
    let follows = |kind: &str| {
        let mut world = World::at(START);
        world.play(&format!("open {kind} sync reversible 1"));
        let step = world.step(&["decline", "ben"]);
        let transition = apply(&Ruling::default(), world.row.as_ref().unwrap(), &step, world.now).unwrap();
        transition.work.contains(&Work::Execute)
    };
    assert!(follows("gate") && !follows("sync"), "a sync has nobody to tell");
}

#[test]
fn no_is_always_safe() {
    check(
        "open sync sync reversible 2 -> pending
         decline ben silently        -> refused note_required
         approve ben                 -> half_signed
         decline ben                 -> refused already_reviewed
         withdraw ben                -> pending
         decline ben                 -> declined",
    );
    check(
        "open sync hold reversible 1 -> pending
         revise                      -> pending
         approve ben of-r1           -> refused stale_revision
         needs-changes ben of-r1     -> refused stale_revision
         decline ben of-r1           -> declined",
    );
}

#[test]
fn against_the_verdict_only_by_name_and_in_writing() {
    check(
        "open sync hold reversible 1    -> pending
         approve ben                    -> refused goes_against_verdict
         approve ben overriding silently -> refused note_required
         approve ben with-canary        -> refused content_mismatch
         approve ben overriding         -> approved",
    );
    let mut world = World::at(START);
    world.play("open sync sync reversible 1");
    world.play("decline ben");
    assert_eq!(world.row.unwrap().how(), Some(How::Overridden), "a decline of `sync` is marked");
}

#[test]
fn what_was_not_on_the_screen_is_not_signed() {
    check(
        "open sync sync reversible 1     -> pending
         approve ben on-other-content    -> refused content_mismatch
         approve ben on-other-base       -> refused content_mismatch
         approve ben unauthorised        -> refused not_on_call
         approve ben                     -> approved",
    );
}

#[test]
fn a_degraded_row_makes_way_for_what_comes_next() {
    let mut world = World::at(START);
    for line in ["open sync sync reversible 1", "approve ben", "intend", "confirm", "degraded"] {
        world.play(line);
    }
    let over = |world: &World| world.row.as_ref().unwrap().stage.terminal(world.now);
    assert!(!over(&world), "it is watched");
    assert_eq!(world.play("end-watch"), "degraded", "what it came to stays");
    assert!(over(&world));
    assert_eq!(world.play("end-watch"), "refused out_of_step");
}

#[test]
fn a_moved_base_voids_keys_and_executes_nothing() {
    check(
        "open sync sync reversible 2 -> pending
         approve ben                 -> half_signed
         base-moved                  -> pending
         approve chi                 -> half_signed
         approve ben                 -> approved
         stale                       -> stale
         approve ben                 -> refused out_of_step
         revise                      -> pending
         approve ben                 -> half_signed",
    );
}

#[test]
fn sent_back_and_drafted_again() {
    check(
        "open sync sync reversible 1 -> pending
         needs-changes ben           -> needs_changes
         approve chi                 -> refused out_of_step
         revise                      -> pending
         approve ben                 -> approved",
    );
}

#[test]
fn silence_is_never_a_no() {
    check(
        "open sync sync reversible 1 -> pending
         wait 240m                   -> pending
         approve ben                 -> refused expired
         lapse                       -> expired
         decline ben                 -> refused expired
         revise                      -> refused out_of_step",
    );
}

#[test]
fn policy_decides_only_what_it_may() {
    check(
        "open sync sync reversible 1 -> pending\n policy -> approved\n withdraw ben -> pending\n policy -> refused not_authorised",
    );
    check("open sync hold reversible 1 -> pending\n policy -> refused not_authorised");
    check("open sync sync reversible 2 -> pending\n policy -> refused not_authorised");
    check("open gate sync irreversible 1 -> pending\n policy -> refused not_authorised");
}

#[test]
fn what_cannot_be_told_waits_for_a_person() {
    check(
        "open sync sync reversible 1 -> pending
         approve ben                 -> approved
         intend                      -> executing
         cannot-tell                 -> unknown
         attest                      -> executed
         degraded                    -> degraded
         healthy                     -> refused out_of_step
         rolled-back                 -> rolled_back",
    );
    check(
        "open sync sync reversible 1 -> pending\n approve ben -> approved\n restored -> unknown\n intend -> refused out_of_step",
    );
}

#[test]
fn a_declined_sync_makes_a_hold() {
    let now = START.parse().unwrap();
    let row = row(Kind::Sync, Verdict::Hold, Risk::Reversible, 1, now);
    let step = Step::Decide(Box::new(judgement(&row, key(&row, Decision::Decline, "sarah", 1, now))));
    let transition = apply(&Ruling::default(), &row, &step, now).unwrap();
    let hold = transition.hold.unwrap();
    assert_eq!(
        (hold.subject.as_str(), hold.by.as_str(), hold.incident.as_deref()),
        ("checkout-web", "sarah", Some("INC-771"))
    );
    let events: Vec<_> = transition.entries.iter().map(|entry| entry.event.name()).collect();
    assert_eq!(events, ["decision.accepted", "hold.created"]);
}

#[test]
fn a_review_that_matches_no_threshold_changes_nothing() {
    // O10: accepted and stored; the console says so before it is signed.
    let now = START.parse().unwrap();
    let mut row = row(Kind::Sync, Verdict::Sync, Risk::Reversible, 1, now);
    let lead = Threshold {
        name: "lead".to_owned(),
        filter: Filter::role("lead"),
        approve: NonZeroU32::new(1),
        deny: None,
    };
    row.rule.sets = vec![vec![lead]];
    let step = Step::Decide(Box::new(judgement(&row, key(&row, Decision::Decline, "ben", 1, now))));
    let next = apply(&Ruling::default(), &row, &step, now).unwrap().row;
    assert_eq!((next.state(), next.keys.len()), (State::Pending, 1));
}

#[test]
fn halted_is_halted() {
    let now = START.parse().unwrap();
    let row = row(Kind::Sync, Verdict::Sync, Risk::Reversible, 1, now);
    let halted = Ruling { halted: Some(("ben".parse().unwrap(), "looks wrong tonight".to_owned())) };
    let later = now.saturating_add(SignedDuration::from_hours(9)).unwrap();
    let refused = |step: &Step, at| {
        apply(&halted, &row, step, at).map_err(|refusal| refusal.code()).map(|t| t.row.state())
    };
    assert_eq!(refused(&Step::Revise(Box::new(next_revision(&row))), now), Err("halted"));
    let amended = Revision { amended_by: Some("ben".parse().unwrap()), ..next_revision(&row) };
    assert_eq!(
        refused(&Step::Revise(Box::new(amended)), now),
        Ok(State::Pending),
        "a person's change is no draft"
    );
    assert_eq!(refused(&Step::Lapse, later), Err("out_of_step"), "waiting rows do not expire meanwhile");
    let decide = Step::Decide(Box::new(judgement(&row, key(&row, Decision::Decline, "ben", 1, now))));
    assert_eq!(refused(&decide, now), Ok(State::Declined), "a halt never refuses a decision");
}

fn any_line() -> impl Strategy<Value = String> {
    let person = prop_oneof![Just("ana"), Just("ben"), Just("chi")];
    let verb = prop_oneof![Just("approve"), Just("decline"), Just("needs-changes"), Just("withdraw")];
    let word = prop_oneof![
        Just(""),
        Just("silently"),
        Just("overriding"),
        Just("of-r1"),
        Just("with-canary"),
        Just("on-other-base")
    ];
    let other = prop_oneof![
        Just("policy"),
        Just("revise"),
        Just("amend ben"),
        Just("base-moved"),
        Just("stale"),
        Just("lapse"),
        Just("intend"),
        Just("confirm"),
        Just("fail"),
        Just("cannot-tell"),
        Just("attest"),
        Just("healthy"),
        Just("degraded"),
        Just("end-watch"),
        Just("rolled-back"),
        Just("restored"),
        Just("supersede"),
        Just("wait 7m"),
        Just("wait 90m"),
    ];
    prop_oneof![
        (verb, person, word).prop_map(|(verb, person, word)| format!("{verb} {person} {word}")),
        other.prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn whatever_happens(keys in 1_u32..3, irreversible in prop::bool::ANY, lines in prop::collection::vec(any_line(), 0..40)) {
        let mut world = World::at(START);
        world.play(&format!("open sync sync {} {keys}", if irreversible { "irreversible" } else { "reversible" }));
        for line in lines {
            let before = world.row.clone().unwrap();
            let said = world.play(&line);
            let after = world.row.clone().unwrap();
            prop_assert_eq!(before.id, after.id);
            prop_assert!(after.revision >= before.revision, "revisions only rise");
            prop_assert!(after.keys.len() >= before.keys.len(), "no review is forgotten");
            for (was, is) in before.keys.iter().zip(&after.keys) {
                prop_assert!(was.void.is_none() || was.void == is.void, "void stays void");
            }
            let is_void = after.keys.iter().filter(|key| key.void.is_some() && key.decision != Decision::Withdraw);
            let is_void: std::collections::BTreeSet<_> = is_void.map(|key| key.decision_id.to_string()).collect();
            prop_assert_eq!(&is_void, &world.void, "the record alone tells which keys count, at {}", line);
            if said.starts_with("refused") {
                prop_assert_eq!(&before, &after);
            }
            if before.stage.terminal(world.now) && before.state() != State::Degraded {
                prop_assert_eq!(before.state(), after.state(), "what is over is over, at {}", line);
            }
            if after.state() == State::Approved && before.state() != State::Approved && !line.starts_with("policy") {
                let people: std::collections::BTreeSet<_> = after.standing_keys().filter(|k| k.decision == Decision::Approve).map(|k| &k.reviewer).collect();
                prop_assert!(people.len() >= keys as usize, "so many keys are so many people");
                prop_assert!(people.iter().all(|who| who.as_str() != "ana"), "the owner never counts");
            }
            if after.state() == State::Executing && before.state() != State::Executing {
                prop_assert_eq!(before.state(), State::Approved, "no execution without an approval");
            }
        }
    }
}
