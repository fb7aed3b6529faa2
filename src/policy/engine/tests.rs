//! The policies as tables: who may what, what passes by itself, what is refused at the desk.

use std::num::NonZeroU32;

use super::*;
use crate::row::{Digest, Digests, Rule, Stage, Verdict};

fn row() -> Row {
    let digest = Digest::of("");
    Row {
        id: "sync-8823".parse().unwrap(),
        subject: "ledger-worker".to_owned(),
        environment: "staging".to_owned(),
        title: "helm chart bump 2.4.1 to 2.4.2".to_owned(),
        agent: "argus".parse().unwrap(),
        owner: "admin".parse().unwrap(),
        verdict: Verdict::Sync,
        incident: None,
        parent: None,
        reviewers: vec![],
        risk: Risk::Reversible,
        rule: Rule::keys(NonZeroU32::MIN),
        revision: 1,
        version: 1,
        digests: Digests {
            content: digest,
            base: digest,
            effect: digest,
            evidence: digest,
            presented: digest,
        },
        base_revision: "2.4.2".to_owned(),
        drift: None,
        claim: false,
        stage: Stage::Pending,
        keys: vec![],
        withdrawn_by_person: false,
        revised_by: None,
        again: std::collections::BTreeMap::new(),
        created_at: Timestamp::UNIX_EPOCH,
        changed_at: Timestamp::UNIX_EPOCH,
        expires_at: Timestamp::UNIX_EPOCH,
    }
}

fn facts(bump: &str, changelog: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("bump".to_owned(), bump.to_owned()), ("changelog".to_owned(), changelog.to_owned())])
}

fn engine() -> &'static Engine {
    Engine::embedded().unwrap()
}

fn load(text: &str) -> Result<Engine, PolicyError> {
    Engine::load(&[PolicyText { name: "a.cedar".to_owned(), text: text.to_owned() }])
}

type Change = fn(&mut Row);

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

#[test]
fn a_patch_of_dependencies_in_staging_passes_by_itself_and_nothing_else_does() {
    let decides = |row: &Row, facts: &BTreeMap<String, String>, failed: bool| {
        engine().decides(RowFacts { row, facts }, failed, NOW)
    };
    let good = facts("patch", "dependencies");
    assert_eq!(decides(&row(), &good, false).as_deref(), Some("staging-patch v3"));
    assert_eq!(decides(&row(), &good, true), None, "this drift failed before");
    for other in [
        facts("minor", "dependencies"),
        facts("patch", "other"),
        facts("patch", "unknown"),
        facts("none", "dependencies"),
        BTreeMap::new(),
    ] {
        assert_eq!(decides(&row(), &other, false), None, "{other:?}");
    }
    let mut only_bump = good.clone();
    only_bump.remove("changelog");
    assert_eq!(decides(&row(), &only_bump, false), None, "a missing fact means a person");
    let table: [(&str, Change); 9] = [
        ("production", |r| r.environment = "production".to_owned()),
        ("unknown", |r| r.environment = "unknown".to_owned()),
        ("hold", |r| r.verdict = Verdict::Hold),
        ("costly", |r| r.risk = Risk::Costly),
        ("irreversible", |r| r.risk = Risk::Irreversible),
        ("two keys", |r| r.rule = Rule::keys(NonZeroU32::new(2).unwrap())),
        ("claim", |r| r.claim = true),
        ("withdrawn by a person", |r| r.withdrawn_by_person = true),
        ("a policy", |r| r.id = "pol-7".parse().unwrap()),
    ];
    for (name, change) in table {
        let mut row = row();
        change(&mut row);
        assert_eq!(decides(&row, &good, false), None, "{name}");
    }
}

#[test]
fn what_no_policy_can_grant() {
    // Everything that may decide, decides: what is ruled out before stays with a person.
    let wild = "@id(\"all\") @version(\"1\") @owner(\"admin\") permit (principal, action == Action::\"decide\", resource);";
    let engine = load(wild).unwrap();
    let decides = |row: &Row, failed| engine.decides(RowFacts { row, facts: &BTreeMap::new() }, failed, NOW);
    assert_eq!(decides(&row(), false).as_deref(), Some("all v1"));
    assert_eq!(decides(&row(), true), None);
    for change in [
        (|r| r.risk = Risk::Irreversible) as fn(&mut Row),
        |r| r.rule = Rule::keys(NonZeroU32::new(2).unwrap()),
        |r| r.claim = true,
        |r| r.withdrawn_by_person = true,
        |r| r.id = "pol-7".parse().unwrap(),
        |r| r.verdict = Verdict::Hold,
    ] {
        let mut row = row();
        change(&mut row);
        assert_eq!(decides(&row, false), None, "{row:?}");
    }
}

#[test]
fn forbid_beats_permit_and_an_error_means_a_person() {
    let permit = "@id(\"p\") @version(\"2\") @owner(\"admin\") permit (principal, action == Action::\"decide\", resource);\n";
    let decides = |more: &str, facts: &BTreeMap<String, String>| {
        let engine = load(&format!("{permit}{more}")).unwrap();
        engine.decides(RowFacts { row: &row(), facts }, false, NOW)
    };
    let all = facts("patch", "dependencies");
    assert_eq!(decides("", &all).as_deref(), Some("p v2"));
    let forbid = "@id(\"f\") forbid (principal is Automation, action, resource) when { resource.subject == \"ledger-worker\" };";
    assert_eq!(decides(forbid, &all), None);
    let errs =
        "@id(\"e\") forbid (principal is Automation, action, resource) when { resource.bump == \"major\" };";
    assert_eq!(decides(errs, &all).as_deref(), Some("p v2"));
    assert_eq!(decides(errs, &BTreeMap::new()), None, "a forbid that cannot be evaluated is not passed over");
}

#[test]
fn a_policy_decides_until_it_expires() {
    let text = "@id(\"p\") @version(\"2\") @owner(\"admin\") @expires(\"2026-06-01T00:00:00Z\")\n\
        permit (principal, action == Action::\"decide\", resource);";
    let engine = load(text).unwrap();
    let decides = |now: &str| {
        engine.decides(RowFacts { row: &row(), facts: &BTreeMap::new() }, false, now.parse().unwrap())
    };
    assert_eq!(decides("2026-05-31T23:59:59Z").as_deref(), Some("p v2"));
    assert_eq!(decides("2026-06-01T00:00:00Z"), None);
}

#[test]
fn who_may_what() {
    let (row, none) = (row(), BTreeMap::new());
    let of = RowFacts { row: &row, facts: &none };
    let on_call = Attributes::from([("on_call".to_owned(), vec!["Ledger level 1".to_owned()])]);
    let reviewer = Attributes::from([("role".to_owned(), vec!["reviewer".to_owned()])]);
    let admin = Attributes::from([
        ("role".to_owned(), vec!["admin".to_owned()]),
        ("on_call".to_owned(), vec!["x".to_owned()]),
    ]);
    let nobody = Attributes::new();
    let human = |id: &'static str, attributes| (id.parse::<PrincipalId>().unwrap(), attributes);
    let may = |(id, attributes): (PrincipalId, &Attributes), wish: Wish<'_>| match engine()
        .may(Asker::Human { id: &id, attributes }, wish)
    {
        Permission::Allow { by } => by,
        Permission::Deny { why } => why.code().to_owned(),
    };
    assert_eq!(may(human("sarah", &on_call), Wish::Review(of)), "on-call-reviews");
    assert_eq!(may(human("ana", &reviewer), Wish::Review(of)), "on-call-reviews");
    assert_eq!(may(human("sarah", &nobody), Wish::Review(of)), "not_on_call");
    assert_eq!(may(human("admin", &admin), Wish::Review(of)), "own_proposal");
    assert_eq!(may(human("sarah", &on_call), Wish::Administer), "not_authorised");
    assert_eq!(may(human("root", &admin), Wish::Administer), "admins-administer");
    assert_eq!(may(human("sarah", &nobody), Wish::Read(of)), "people-read");
    let agent = |id: &str, active, wish: Wish<'_>| {
        let (id, owner) = (id.parse().unwrap(), "admin".parse().unwrap());
        matches!(
            engine().may(Asker::Agent { id: &id, owner: &owner, active }, wish),
            Permission::Allow { .. }
        )
    };
    assert!(agent("argus", true, Wish::Draft(of)));
    assert!(!agent("argus", false, Wish::Draft(of)), "suspended");
    assert!(!agent("other", true, Wish::Draft(of)), "another's row");
    assert!(!agent("argus", true, Wish::Review(of)), "an agent never decides");
    assert!(!agent("argus", true, Wish::Administer));
}

#[test]
fn what_is_wrong_is_refused_at_the_desk() {
    let decide = "@id(\"p\") @version(\"1\") @owner(\"admin\") permit (principal, action == Action::\"decide\", resource)";
    for (text, line, says) in [
        ("permit (principal, action", Some(1), "unexpected end of input"),
        ("permit (principal, action == Action::\"read\", resource);", None, "each policy needs a name"),
        (&format!("\n{decide}\nwhen {{ resource.bumb == \"patch\" }};"), Some(3), "bumb"),
        (&format!("{decide} when {{ resource.bump == 3 }};"), Some(1), "types"),
        ("@id(\"p\") permit (principal, action == Action::\"decied\", resource);", Some(1), "decied"),
        ("@id(\"p\") permit (principal is Robot, action == Action::\"read\", resource);", Some(1), "Robot"),
        ("@id(\"p\") permit (principal, action, resource);", None, "a permit names its action"),
        ("@id(\"p\") permit (principal, action == Action::\"decide\", resource);", None, "@version"),
        (
            "@id(\"p\") @version(\"1\") permit (principal, action == Action::\"decide\", resource);",
            None,
            "@owner",
        ),
        ("@id(\"f\") @keys(\"2\") forbid (principal, action, resource);", None, "@keys is not known here"),
        (
            "@id(\"p\") @expires(\"soon\") @version(\"1\") @owner(\"a\") permit (principal, action == Action::\"decide\", resource);",
            None,
            "no time",
        ),
        (
            "@id(\"p\") permit (principal == ?principal, action == Action::\"read\", resource);",
            None,
            "templates",
        ),
        (
            "@id(\"a\") forbid (principal, action, resource);\n@id(\"a\") forbid (principal, action, resource);",
            None,
            "stands twice",
        ),
        (
            "@id(\"p\") permit (principal is Agent, action == Action::\"review\", resource);",
            Some(1),
            "unable to find an applicable action",
        ),
    ] {
        let error = load(text).err().unwrap_or_else(|| panic!("passes: {text}"));
        assert!(error.why.contains(says), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
}
