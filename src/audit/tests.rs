//! The record as a whole: a true log verifies, and nothing else does.
//!
//! Never: a pack that was not made by `pack::build` from real signatures.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use super::admin::AdminChange;
use super::authority::{Authority, AuthorityError, parse_admins};
use super::example::{Log, ORG, key_of};
use super::pack::Files;
use super::verify::{self, Options, Report, Severity};
use crate::row::c1::{self, Value};
use crate::row::{Decision, Digest, Event, Filter, PrincipalKind, RowId, Rule, Threshold};

fn check(files: &Files, log: &Log) -> Report {
    verify::verify(files, &Options { log_key: Some(log.key.public().clone()), ..Options::default() })
}

/// The first problem, as a sentence.
fn problem(log: &Log) -> String {
    let report = check(&log.pack(None), log);
    report.problems.first().map(|problem| problem.text.clone()).unwrap_or_default()
}

#[test]
fn a_true_log_verifies() {
    let log = Log::full();
    let report = check(&log.pack(None), &log);
    assert_eq!(report.problems, []);
    assert_eq!(report.worst(), None);
    assert_eq!((report.counts.decisions, report.counts.executions), (6, 3));
    assert_eq!(report.counts.entries, log.tree.size());
    for row in ["sync-8821", "sync-8822", "sync-8823", "sync-8824"] {
        let report = check(&log.pack(Some(row)), &log);
        assert_eq!(report.problems, [], "{row}");
        assert!(report.unproved.iter().any(|line| line.contains("part of the log")), "{row}");
    }
    let empty = Log::new();
    assert_eq!(check(&empty.pack(None), &empty).problems, []);
}

#[test]
fn no_flipped_byte_passes() {
    let log = Log::full();
    for row in [None, Some("sync-8821")] {
        let pack = log.pack(row);
        for path in pack.keys() {
            if matches!(path.as_str(), "index.html" | "MANIFEST.json" | "log.vkey") {
                continue;
            }
            let length = pack[path].len();
            // Much of a few files, and some of each.
            let whole = ["checkpoint", "allowed_signers", "entries/0.json", "proofs/9.tlog-proof"];
            let step = if row.is_none() && whole.contains(&path.as_str()) { 5 } else { length / 4 + 1 };
            for at in (0..length).step_by(step) {
                let mut changed = pack.clone();
                changed.get_mut(path).unwrap()[at] ^= 1 << (at % 8);
                assert!(check(&changed, &log).worst().is_some(), "{path}@{at}");
            }
        }
    }
}

#[test]
fn no_lost_or_added_file_passes() {
    let log = Log::full();
    for row in [None, Some("sync-8823")] {
        let pack = log.pack(row);
        for path in pack.keys().filter(|path| !matches!(path.as_str(), "index.html" | "log.vkey")) {
            let mut less = pack.clone();
            less.remove(path);
            assert!(check(&less, &log).worst().is_some(), "without {path}");
        }
        let other = [
            "x",
            "entries/01.json",
            "entries/x.json",
            "entries/9999.json",
            "proofs/9999.tlog-proof",
            "decisions/01J.json",
            "blobs/x",
            "consistency/2",
            "a/b/c",
            "decisions/01ARYZ6S41ZZZZZZZZZZZZZZZZ.sig",
        ];
        for path in other.into_iter().map(str::to_owned).chain([format!("blobs/{}", Digest::of("x"))]) {
            let mut more = pack.clone();
            more.insert(path.clone(), b"y".to_vec());
            assert!(check(&more, &log).worst().is_some(), "with {path}");
        }
        let mut renamed = pack.clone();
        let proof = renamed.remove("proofs/1.tlog-proof").unwrap();
        let proof = renamed.insert("proofs/0.tlog-proof".into(), proof).unwrap();
        renamed.insert("proofs/1.tlog-proof".into(), proof);
        assert_eq!(check(&renamed, &log).worst(), Some(Severity::Disproved));
    }
}

#[test]
fn the_reader_brings_along_what_to_trust() {
    let mut log = Log::full();
    let early = (log.checkpoint(), log.tree.size(), Digest(log.tree.root()).short());
    let stranger = Log::with_people();
    let other_head = stranger.key.sign(log.tree.size(), [7; 32]);
    log.open("sync-8899", 1);
    let pack = log.pack(None);
    let with = |options: Options| {
        verify::verify(&pack, &Options { log_key: Some(log.key.public().clone()), ..options })
    };
    let (_, size, root) = &early;
    for (options, worst) in [
        (Options { trusted_checkpoint: Some(early.0.clone().into_bytes()), ..Options::default() }, None),
        (
            Options { trusted_checkpoint: Some(other_head.into_bytes()), ..Options::default() },
            Some(Severity::Disproved),
        ),
        (
            Options { trusted_checkpoint: Some(b"x".to_vec()), ..Options::default() },
            Some(Severity::Unchecked),
        ),
        (
            Options {
                anchors: Some(format!("dock sync-1 approved by x, log {size} {root}\n\n{size} {root}")),
                ..Options::default()
            },
            None,
        ),
        (
            Options { anchors: Some(format!("{size} 0000000000000000")), ..Options::default() },
            Some(Severity::Disproved),
        ),
        (
            Options { anchors: Some("9999 0000000000000000".into()), ..Options::default() },
            Some(Severity::Unchecked),
        ),
        (Options { anchors: Some("words".into()), ..Options::default() }, Some(Severity::Unchecked)),
        (
            Options {
                admins: Some(parse_admins(&format!("# a\nadmin {}", key_of("admin").public_line())).unwrap()),
                ..Options::default()
            },
            None,
        ),
        (
            Options { admins: Some(vec![key_of("sarah").public().clone()]), ..Options::default() },
            Some(Severity::Disproved),
        ),
    ] {
        assert_eq!(with(options.clone()).worst(), worst, "{options:?}");
    }
    let other_key =
        super::note::NoteKey::from_seed("example.com/dock", super::note::KeyUse::Log, &[8; 32]).unwrap();
    let options = Options { log_key: Some(other_key.public().clone()), ..Options::default() };
    assert_eq!(verify::verify(&pack, &options).worst(), Some(Severity::Disproved));
    let alone = verify::verify(&pack, &Options::default());
    assert!(
        alone.worst().is_none()
            && alone.unproved.iter().any(|line| line.contains("its key came with the pack"))
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of forgeries")]
fn what_a_server_could_forge_is_found() {
    type Forge = fn(&mut Log);
    let cases: [(&str, Forge); 16] = [
        ("had 1 keys of the 2 that were needed", |log| {
            let row = log.open("sync-1", 2);
            let id = log.decide("sarah", row, Decision::Approve, 1, "x");
            log.execute(row, &[&id]);
        }),
        ("is a second one of the same person", |log| {
            let row = log.open("sync-1", 2);
            let one = log.decide("sarah", row, Decision::Approve, 2, "x");
            let two = log.decide("sarah", row, Decision::Approve, 2, "y");
            log.execute(row, &[&one, &two]);
        }),
        ("executes a revision that was not the newest", |log| {
            let row = log.open("sync-1", 1);
            let id = log.decide("sarah", row, Decision::Approve, 1, "x");
            let body = c1::map([("content_sha256", "other".into())]);
            let leaf = log.leaf(("argus", PrincipalKind::Agent), Event::RowRevised, body);
            let prev = Some(log.tree.size() - 1);
            log.push(super::leaf::Leaf { row: Some(row), revision: Some(2), prev, ..leaf });
            log.execute(row, &[&id]);
        }),
        ("names no decision that it had", |log| {
            let row = log.open("sync-1", 1);
            log.execute(row, &[]);
        }),
        ("no such decision was accepted before it", |log| {
            let (row, other) = (log.open("sync-1", 1), log.open("sync-2", 1));
            let id = log.decide("sarah", other, Decision::Approve, 1, "x");
            log.execute(row, &[&id]);
        }),
        ("does not approve", |log| {
            let row = log.open("sync-1", 1);
            let id = log.decide("sarah", row, Decision::Decline, 1, "x");
            log.execute(row, &[&id]);
        }),
        ("was withdrawn or void", |log| {
            let row = log.open("sync-1", 1);
            let id = log.decide("sarah", row, Decision::Approve, 1, "x");
            let void = c1::map([("void", c1::list([id.as_str()]))]);
            log.row_leaf(("system", PrincipalKind::System), row, Event::RowState, void);
            log.execute(row, &[&id]);
        }),
        ("was withdrawn or void", |log| {
            let row = log.open("sync-1", 1);
            let id = log.decide("sarah", row, Decision::Approve, 1, "x");
            log.decide("sarah", row, Decision::Withdraw, 1, "");
            log.execute(row, &[&id]);
        }),
        ("nobody decides what they, or an agent of theirs, proposed", |log| {
            let row = log.open("sync-1", 1);
            log.decide("admin", row, Decision::Approve, 1, "x");
        }),
        ("nobody decides what they, or an agent of theirs, proposed", |log| {
            let row = log.open("sync-1", 1);
            // A revision of one's own is one's proposal, whatever name it gives.
            let body = c1::map([("amended_by", c1::Value::from("priya"))]);
            log.row_leaf(("sarah", PrincipalKind::Human), row, Event::RowRevised, body);
            log.decide("sarah", row, Decision::Approve, 1, "x");
        }),
        ("priya had no key that was enrolled and valid at this leaf", |log| {
            let fingerprint = key_of("priya").public().fingerprint();
            log.admin("admin", AdminChange::KeyRevoked { person: "priya".parse().unwrap(), fingerprint });
            let row = log.open("sync-1", 1);
            log.decide("priya", row, Decision::Approve, 1, "x");
        }),
        ("its statement is about another log, example.org/dock", |log| {
            let row = log.open("sync-1", 1);
            let mut statement = log.statement("sarah", row, Decision::Decline, "x");
            statement.seen.origin = "example.org/dock".into();
            log.accept("sarah", &statement, 1);
        }),
        ("its statement is about other content", |log| {
            let row = log.open("sync-1", 1);
            let mut statement = log.statement("sarah", row, Decision::Decline, "x");
            statement.content = Digest::of("other");
            log.accept("sarah", &statement, 1);
        }),
        ("repeats the decision 0", |log| {
            let row = log.open("sync-1", 1);
            let statement = log.statement("sarah", row, Decision::Decline, "x");
            log.accept("sarah", &statement, 1);
            log.accept("sarah", &statement, 1);
        }),
        ("is dated before leaf", |log| {
            let mut leaf = log.leaf(("system", PrincipalKind::System), Event::Halt, c1::map::<&str>([]));
            leaf.at -= jiff::SignedDuration::from_secs(60);
            log.push(leaf);
        }),
        ("sarah is not an administrator", |log| {
            log.admin("sarah", AdminChange::Resumed { agent: None, note: "x".into() });
        }),
    ];
    for (expected, forge) in cases {
        let mut log = Log::with_people();
        forge(&mut log);
        assert!(problem(&log).contains(expected), "{expected}: {}", problem(&log));
    }
    let mut log = Log::with_people();
    let row = log.open("sync-1", 1);
    let statement = log.statement("sarah", row, Decision::Decline, "x");
    log.accept("priya", &statement, 1);
    assert_eq!(problem(&log), "sarah had no key that was enrolled and valid at this leaf");
}

/// Beside so many keys of anybody, one of somebody with this role.
fn asks(keys: u32, role: &str) -> Rule {
    let one = NonZeroU32::new(1);
    let asked = Threshold { name: role.into(), filter: Filter::role(role), approve: one, deny: None };
    Rule::with(NonZeroU32::new(keys).unwrap(), vec![asked])
}

fn told(rule: &Rule) -> Value {
    c1::map([("rule", rule.told().unwrap().into())])
}

fn roles(log: &mut Log, person: &str, roles: &[&str]) {
    let (person, attributes) = (person.parse().unwrap(), BTreeMap::new());
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    log.admin("admin", AdminChange::Person { person, roles, active: true, attributes });
}

fn revised(log: &mut Log, row: RowId, body: Value) {
    let body = body.with("content_sha256", Digest::of(row.to_string()));
    log.row_leaf(("argus", PrincipalKind::Agent), row, Event::RowRevised, body);
}

#[test]
fn who_had_to_sign_is_counted_again() {
    type Story = fn(&mut Log);
    let cases: [(&str, Story); 13] = [
        ("", |log| {
            roles(log, "priya", &["reviewer", "dba"]);
            let row = log.open_asking("gate-1", 2, told(&asks(2, "dba")));
            let one = log.decide("sarah", row, Decision::Approve, 2, "x");
            let two = log.decide("priya", row, Decision::Approve, 2, "y");
            log.execute(row, &[&one, &two]);
        }),
        ("lacks what its rule asks for: dba (role dba)", |log| {
            let row = log.open_asking("gate-1", 2, told(&asks(2, "dba")));
            let one = log.decide("sarah", row, Decision::Approve, 2, "x");
            let two = log.decide("priya", row, Decision::Approve, 2, "y");
            log.execute(row, &[&one, &two]);
        }),
        // The leaf says so, and no administrator does.
        ("lacks what its rule asks for: dba (role dba)", |log| {
            let row = log.open_asking("gate-1", 1, told(&asks(1, "dba")));
            let statement = log.statement("sarah", row, Decision::Approve, "x");
            let id = log.accept_as("sarah", &statement, 1, &[("role", "dba")]);
            log.execute(row, &[&id]);
        }),
        ("lacks what its rule asks for: dba (role dba)", |log| {
            roles(log, "priya", &["dba"]);
            let row = log.open_asking("gate-1", 1, told(&asks(1, "dba")));
            let id = log.decide("priya", row, Decision::Approve, 1, "x");
            roles(log, "priya", &["reviewer"]);
            log.execute(row, &[&id]);
        }),
        ("", |log| {
            let shift = Filter::Has { attribute: "on_call".into(), value: "payments".into() };
            let one = NonZeroU32::new(1);
            let asked = Threshold { name: "shift".into(), filter: shift, approve: one, deny: None };
            let rule = Rule::with(NonZeroU32::MIN, vec![asked]);
            let row = log.open_asking("gate-1", 1, told(&rule));
            let statement = log.statement("sarah", row, Decision::Approve, "x");
            let id = log.accept_as("sarah", &statement, 1, &[("on_call", "web,payments")]);
            log.execute(row, &[&id]);
        }),
        ("tells a rule that is none", |log| {
            log.open_asking("gate-1", 1, c1::map([("rule", "[[]".into())]));
        }),
        ("says another number of keys than its rule", |log| {
            log.open_asking("gate-1", 1, told(&asks(2, "dba")));
        }),
        ("asks for less than the revision before it", |log| {
            let row = log.open_asking("gate-1", 2, told(&asks(2, "dba")));
            revised(log, row, c1::map([("keys_needed", "2".into())]));
        }),
        ("asks for less than the revision before it", |log| {
            let row = log.open_asking("gate-1", 1, c1::map([("touch", "true".into())]));
            revised(log, row, c1::map([("keys_needed", "1".into())]));
        }),
        ("proves no touch, as it was asked to", |log| {
            let row = log.open_asking("gate-1", 1, c1::map([("touch", "true".into())]));
            let id = log.decide("sarah", row, Decision::Approve, 1, "x");
            log.execute(row, &[&id]);
        }),
        ("was made with a key that had been revoked by then", |log| {
            let row = log.open("gate-1", 1);
            let id = log.decide("priya", row, Decision::Approve, 1, "x");
            let fingerprint = key_of("priya").public().fingerprint();
            log.admin("admin", AdminChange::KeyRevoked { person: "priya".parse().unwrap(), fingerprint });
            log.execute(row, &[&id]);
        }),
        ("was made with a key that had been revoked by then", |log| {
            let row = log.open("gate-1", 1);
            let id = log.decide("priya", row, Decision::Approve, 1, "x");
            let (person, attributes) = ("priya".parse().unwrap(), BTreeMap::new());
            let gone = AdminChange::Person { person, roles: BTreeSet::new(), active: false, attributes };
            log.admin("admin", gone);
            log.execute(row, &[&id]);
        }),
        ("was decided by the policy quick, and people have to sign it", |log| {
            let row = log.open("gate-1", 2);
            let body = c1::map([("policy", "quick".into())]);
            log.row_leaf(("quick", PrincipalKind::Policy), row, Event::PolicyDecided, body.clone());
            log.row_leaf(("system", PrincipalKind::System), row, Event::ExecutionIntended, body);
        }),
    ];
    for (at, (expected, story)) in cases.into_iter().enumerate() {
        let mut log = Log::with_people();
        story(&mut log);
        let found = problem(&log);
        assert!(
            if expected.is_empty() { found.is_empty() } else { found.contains(expected) },
            "{at}: {found}"
        );
    }
}

#[test]
fn what_was_done_by_hand_had_the_keys_of_its_time() {
    let mut log = Log::with_people();
    roles(&mut log, "priya", &["dba"]);
    let row = log.open_asking("gate-1", 1, told(&asks(1, "dba")));
    let id = log.decide("priya", row, Decision::Approve, 1, "x");
    roles(&mut log, "priya", &["reviewer"]);
    let body = c1::map([("decision", c1::list([id.as_str()]))]);
    log.row_leaf(("system", PrincipalKind::System), row, Event::ExecutionConfirmed, body);
    assert_eq!(problem(&log), "", "she was, when she signed and did it");
}

#[test]
fn a_head_of_another_history_is_found() {
    let mut log = Log::with_people();
    let row = log.open("sync-1", 1);
    let mut statement = log.statement("sarah", row, Decision::Decline, "x");
    statement.seen.root = Digest::of("another history");
    log.accept("sarah", &statement, 1);
    assert!(problem(&log).starts_with("the head that entries/10.json saw"), "{}", problem(&log));
}

#[test]
fn the_chain_of_administrators_holds() {
    let mut log = Log::with_people();
    let mut authority = Authority::new(ORG, None);
    for (index, leaf) in (0..).zip(&log.leaves) {
        authority.apply(index, leaf).unwrap();
    }
    let index = log.tree.size();
    let again = log.leaves[2].clone();
    assert!(matches!(authority.apply(index, &again), Err(AuthorityError::Repeated(_))));
    let unsigned = log.leaf(("admin", PrincipalKind::Human), Event::KeyRevoked, c1::map::<&str>([]));
    assert_eq!(authority.apply(index, &unsigned), Err(AuthorityError::Unsigned));
    let mut forged = log.admin_leaf("admin", AdminChange::Resumed { agent: None, note: "x".into() });
    let text = forged.body.text("statement").unwrap().replace(r#""note":"x""#, r#""note":"y""#);
    forged.body = forged.body.with("statement", text);
    assert!(matches!(authority.apply(index, &forged), Err(AuthorityError::Signature { .. })));
    let other = Log::new().admin_leaf("sarah", AdminChange::Resumed { agent: None, note: "x".into() });
    let mut first = Authority::new(ORG, None);
    assert!(matches!(first.apply(0, &other), Err(AuthorityError::Impossible(_))));

    // Who leaves loses keys and, for the time being, agents.
    let roles = std::collections::BTreeSet::new();
    let person = AdminChange::Person {
        person: "priya".parse().unwrap(),
        roles,
        active: false,
        attributes: BTreeMap::new(),
    };
    let leaf = log.admin_leaf("admin", person);
    authority.apply(index, &leaf).unwrap();
    assert_eq!(authority.keys(&"priya".parse().unwrap(), leaf.at).count(), 0);
    assert!(authority.allowed_signers().contains("valid-before"));
}

/// An epoch takes two administrators, where there are two.
#[test]
fn an_epoch_needs_a_second_administrator() {
    let mut log = Log::with_people();
    let person = "sarah".parse().unwrap();
    let roles = ["admin".to_owned()].into();
    log.admin("admin", AdminChange::Person { person, roles, active: true, attributes: BTreeMap::new() });
    let head = log.seen();
    let mut leaf = log.admin_leaf("admin", AdminChange::Epoch { epoch: 2, head, note: "disk lost".into() });
    let statement = leaf.body.text("statement").unwrap().to_owned();
    let second = |who: &str| -> Value {
        let signature = key_of(who).sign("admin.v1@example.com", statement.as_bytes()).unwrap();
        c1::map([("by", who.into()), ("signature", signature.into())])
    };
    let mut authority = Authority::new(ORG, None);
    (0..).zip(&log.leaves).for_each(|(index, leaf)| drop(authority.apply(index, leaf).unwrap()));
    let index = log.tree.size();
    assert_eq!(authority.check(index, &leaf), Err(AuthorityError::SecondNeeded));
    for (who, good) in [("admin", false), ("priya", false), ("sarah", true)] {
        leaf.body = leaf.body.with("second", second(who));
        assert_eq!(authority.check(index, &leaf).is_ok(), good, "{who}");
    }
}

#[test]
fn the_executor_asks_the_leaves() {
    let mut log = Log::with_people();
    let row = log.open("sync-1", 2);
    let one = log.decide("sarah", row, Decision::Approve, 2, "x");
    let two = log.decide("priya", row, Decision::Approve, 2, "y");
    let leaves = || (0..).zip(log.leaves.iter().cloned());
    let next = log.tree.size();
    for (ids, says) in [
        (vec![one.as_str(), &two], None),
        (vec![one.as_str()], Some("had 1 keys of the 2 that were needed")),
        (vec![], Some("names no decision that it had")),
    ] {
        let body = c1::map([("decision", c1::list(ids))]);
        let intent = log.leaf(("system", PrincipalKind::System), Event::ExecutionIntended, body);
        let intent = super::leaf::Leaf { row: Some(row), revision: Some(1), prev: Some(next - 1), ..intent };
        let answer = verify::may_execute(ORG, None, leaves(), (next, intent.clone()));
        assert_eq!(answer.err().map(|problems| problems[0].text.clone()).as_deref(), says);
        let pinned = Some(vec![key_of("sarah").public().clone()]);
        assert!(verify::may_execute(ORG, pinned, leaves(), (next, intent)).is_err());
    }
}

#[test]
fn a_reviewer_decides_on_the_revision_that_holds_their_own_words() {
    let mut log = Log::with_people();
    let row = log.open("rb-1", 1);
    let content = Digest::of(row.to_string());
    let body = c1::map([
        ("amended_by", c1::Value::from("sarah")),
        ("content_sha256", content.into()),
        ("keys_needed", 1_u64.into()),
    ]);
    log.row_leaf(("sarah", PrincipalKind::Human), row, Event::RowRevised, body);
    let yes = log.decide("sarah", row, Decision::Approve, 1, "x");
    let leaves = (0..).zip(log.leaves.iter().cloned());
    let next = log.tree.size();
    let body = c1::map([("decision", c1::list([yes.as_str()]))]);
    let intent = log.leaf(("executor", PrincipalKind::Service), Event::ExecutionIntended, body);
    let intent = super::leaf::Leaf { row: Some(row), revision: Some(1), prev: Some(next - 1), ..intent };
    let answer = verify::may_execute(ORG, None, leaves, (next, intent));
    assert_eq!(answer.map_err(|problems| problems[0].text.clone()), Ok(()));
}

#[test]
fn a_platform_is_told_no_only_by_a_decline_that_stands() {
    let mut log = Log::with_people();
    let row = log.open("gate-1", 1);
    let yes = log.decide("sarah", row, Decision::Approve, 1, "x");
    let no = log.decide("priya", row, Decision::Decline, 1, "y");
    let leaves = || (0..).zip(log.leaves.iter().cloned());
    let next = log.tree.size();
    for (id, says) in [
        (no.as_str(), None),
        (&yes, Some("does not decline")),
        ("01ARYZ6S41ZZZZZZZZZZZZZZZZ", Some("no such decision was accepted before it")),
    ] {
        let body = c1::map([("decision", c1::list([id])), ("answer", "rejected".into())]);
        let intent = log.leaf(("executor", PrincipalKind::Service), Event::ExecutionIntended, body);
        let intent = super::leaf::Leaf { row: Some(row), revision: Some(1), prev: Some(next - 1), ..intent };
        let answer = verify::may_execute(ORG, None, leaves(), (next, intent));
        let text = answer.err().map(|problems| problems[0].text.clone());
        match says {
            None => assert_eq!(text, None),
            Some(says) => assert!(text.as_ref().is_some_and(|text| text.contains(says)), "{text:?}"),
        }
    }
}

#[test]
fn allowed_signers_are_exact() {
    let log = Log::full();
    let mut authority = Authority::new(ORG, None);
    (0..).zip(&log.leaves).for_each(|(index, leaf)| drop(authority.apply(index, leaf).unwrap()));
    let text = authority.allowed_signers();
    let lines: Vec<&str> = text.lines().collect();
    let namespaces = "decision.v1@example.com,login.v1@example.com,witness.v1@example.com";
    assert_eq!(lines.len(), 4);
    assert!(text.ends_with('\n') && lines.is_sorted());
    assert!(lines[0].starts_with(&format!(
        "admin namespaces=\"admin.v1@example.com,{namespaces}\",valid-after=\"20260530021409Z\" ssh-ed25519 "
    )));
    assert_eq!(
        lines[2],
        format!(
            "priya namespaces=\"{namespaces}\",valid-after=\"20260530021412Z\",valid-before=\"20260530021426Z\" {}",
            key_of("priya").public().line()
        )
    );
}
