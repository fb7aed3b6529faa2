//! A row as a server would show it, for the tests of this room.

use crate::{
    row::{
        Base, Decision, DecisionId, Digest, Draft, Effect, Grade, Kind, Pointer, Risk, Signal, State, Touch,
        Verdict, Weight, digest,
        sync::{SyncBase, SyncEffect},
    },
    wire::{BaseHead, DecisionView, Position, RowHead, RowView, SignalView, Snapshot},
};

pub(crate) fn at(second: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_second(1_780_000_000 + second).unwrap()
}

pub(crate) fn draft() -> Draft {
    let pointer = Pointer {
        name: "argocd_application".into(),
        platform: "argocd".into(),
        reference: "argocd/app/checkout-web".into(),
        url: "https://argocd.example.com/applications/checkout-web".into(),
    };
    let signal = Signal {
        name: "manual-during-incident".into(),
        value: "kubectl changed ConfigMap/checkout-flags".into(),
        verdict: Grade::Bad,
        weight: Weight::Hold,
        pointer: pointer.clone(),
        rule: "manual-during-incident/1".into(),
        fetched_at: at(0),
        budget_s: 300,
        series: None,
    };
    Draft {
        kind: Kind::Sync,
        subject: "checkout-web".into(),
        environment: "production".into(),
        title: "configmap drift on feature flag".into(),
        verdict: Verdict::Hold,
        rationale: "Reconciling would revert the mitigation of INC-771.".into(),
        prose_by: "rules".into(),
        signals: vec![signal],
        pointers: vec![pointer],
        incident: Some("INC-771".into()),
        parent: None,
        reviewers: vec!["sarah".parse().unwrap()],
        risk: Risk::Reversible,
        base: Base::Sync(SyncBase {
            application: "checkout-web".into(),
            project: "default".into(),
            revisions: vec!["4f1c9e2".into()],
            sources: vec![],
            resources: vec![],
            hooks: vec![],
        }),
        effect: Effect::Argocd(SyncEffect {
            application: "checkout-web".into(),
            project: "default".into(),
            revisions: vec!["4f1c9e2".into()],
            prune: false,
            resources: "all".into(),
            hooks: vec![],
        }),
        diff: "--- live/a\n+++ git/a\n@@ -1,1 +1,1 @@\n-off\n+on\n".into(),
        proposal: None,
        amended_by: vec![],
        facts: std::collections::BTreeMap::new(),
        read_at: at(0),
    }
}

/// What somebody said of a revision, which counts.
pub(crate) fn said(who: &str, decision: Decision, revision: u32) -> DecisionView {
    DecisionView {
        id: DecisionId::new(0, [0; 10]),
        decision,
        overrides: false,
        reviewer: who.parse().unwrap(),
        note: None,
        made_at: at(0),
        at: at(0),
        key: String::new(),
        touch: Touch::Unproven,
        offline: false,
        revision,
        conditions: std::collections::BTreeMap::new(),
        void: None,
        log_index: None,
    }
}

pub(crate) fn view(id: &str, revision: u32, draft: Draft) -> RowView {
    let id = id.parse().unwrap();
    let digests = draft.digests(id, revision);
    RowView {
        head: RowHead {
            id,
            kind: draft.kind,
            subject: draft.subject,
            environment: draft.environment,
            title: draft.title,
            state: State::Pending,
            how: None,
            verdict: draft.verdict,
            risk: draft.risk,
            revision,
            word: digest::word(&digests.content).to_string(),
            content_sha256: digests.content,
            base: BaseHead { revision: draft.base.revision(), sha256: digests.base },
            agent: "argus".parse().unwrap(),
            owner: "admin".parse().unwrap(),
            reviewers: draft.reviewers,
            keys_needed: 1,
            keys_given: 0,
            second_key_by: None,
            void: vec![],
            incident: draft.incident,
            created_at: at(0),
            changed_at: at(0),
            expires_at: at(4 * 3600),
            as_of: at(0),
            stale: false,
            unsent: false,
        },
        rationale: draft.rationale,
        prose_by: draft.prose_by,
        claim: false,
        signals: draft
            .signals
            .into_iter()
            .map(|signal| SignalView { signal: signal.into(), fresh: true, again: None })
            .collect(),
        pointers: draft.pointers,
        diff: draft.diff,
        proposal: draft.proposal,
        revised_by: draft.amended_by.last().cloned(),
        amended_by: draft.amended_by,
        effect: draft.effect,
        effect_sha256: digests.effect,
        evidence_sha256: digests.evidence,
        presented_sha256: digests.presented,
        base_read: draft.base,
        read_at: draft.read_at,
        parent: draft.parent,
        touch_needed: false,
        note_needed: false,
        asks: vec![],
        decisions: vec![],
        execution: None,
        outcome: None,
        why: None,
        drift_sha256: Some(Digest::of("drift")),
        declined_before: vec![],
        facts: draft.facts,
        policy: None,
    }
}

pub(crate) fn snapshot(rows: Vec<RowView>) -> Snapshot {
    Snapshot {
        position: Position { epoch: 1, size: 7 },
        as_of: at(60),
        rows,
        holds: vec![],
        checkpoint: String::new(),
        log_key: String::new(),
        org: "demo.invalid".into(),
        halted: None,
        halted_agents: std::collections::BTreeMap::new(),
        untold: vec![],
    }
}
