//! The rules of the flow "post-mortem", in one table: what each fires on, what it writes, where it looks.
//!
//! Never: judges. `draft` does, naming the rule on every signal it makes.

use serde::Deserialize;

use crate::agent::rule::rules;

rules! {
    UNKNOWN_FACT "unknown-fact" v 1 Hold from "every platform that was asked":
        "the log, the chat or a series could not be read" => "hold: a paper with a hole in it says so first";
    NOT_CLOSED "not-closed" v 1 Hold from "PagerDuty":
        "the incident is not resolved" => "hold: it is not over";
    TOLD_WHOLE "told-whole" v 1 Go from "PagerDuty":
        "the incident is resolved and its log was read to the end" => "publish";
    LOGGED "logged" v 1 Note from "PagerDuty log":
        "alerts, acknowledgements, escalations, assignments, notes, status updates, the resolution" => "a line each";
    SAID_MARKED "said-marked" v 1 Note from "Slack":
        "a message carries one of the configured reactions" => "a line; nothing else about it is asked";
    SAID_COMMAND "said-command" v 1 Note from "Slack":
        "a responder's message holds a command; in an incident's own channel everybody who writes responds" => "a line";
    SAID_DECISION "said-decision" v 1 Note from "Slack":
        "a responder says what is done: failing over, rolled back, restarting, …; no question" => "a line";
    SAID_RECOVERY "said-recovery" v 1 Note from "Slack, PagerDuty notes":
        "somebody says that it is well again: recovered, back to normal, it worked, fresh again" => "a line, and what helped, in their words";
    SAID_PERHAPS "said-perhaps" v 1 Note from "Slack":
        "a responder says that it is well again, and is not sure: looks like that fixed it" => "a line, and an open question";
    SAID_AGAIN "said-again" v 1 Note from "Slack":
        "a responder says that it is not over: the errors are back, it has not recovered" => "a line, and what hindered";
    STEP_TICKED "step-ticked" v 1 Note from "Dock":
        "a live runbook's step was ticked as followed, skipped or wrong, and that was signed" => "a line; a step that was wrong, also what hindered";
    NO_CHANNEL "no-channel" v 1 Note from "Slack":
        "the chat shows no channel of the incident's" => "an open question; what was said elsewhere is not in the paper";
    SAID_WARNING "said-warning" v 1 Note from "Slack":
        "a responder warns against a step: do not, stop, wrong" => "a line, and what hindered, with what was done before it";
    TAKEN_BACK "taken-back" v 1 Note from "Slack, PagerDuty notes":
        "a responder undoes what was done within half an hour before: reverted that" => "what hindered";
    SAID_FOLLOW_UP "said-follow-up" v 1 Note from "Slack, PagerDuty notes":
        "a responder names something to do afterwards: follow up, action item, todo, we should" => "an action";
    LEFT_OUT "left-out" v 1 Note from "Slack":
        "a program wrote it, or it says nothing that is done" => "no line; how many, in the open questions";
    SPEAKS_TO_PROGRAMS "speaks-to-programs" v 1 Note from "Slack, PagerDuty notes":
        "a text tells its reader to ignore instructions, or addresses a program" => "no line, never followed; where it stands, in the open questions";
    ROW_AROUND "row-around" v 1 Note from "Dock":
        "a row was decided, executed, held or rolled back around it" => "a line";
    BREAKPOINT "breakpoint" v 1 Note from "Prometheus or Datadog":
        "a series crosses its threshold; a burn rate that names none, 1x" => "a line, over or under, with the value";
    PEAK "peak" v 1 Note from "Prometheus or Datadog":
        "a series with a threshold has a highest point" => "impact: the value and when";
    BUDGET "budget" v 2 Note from "Prometheus or Datadog":
        "the error budget was read before the incident opened and after it was resolved" => "impact: how much was spent, from what to what; else an open question";
    EXECUTED_BEFORE "executed-before" v 1 Note from "Dock":
        "a row was executed within the hour before the incident opened" => "a contributing factor, with what overrode it; whether it is the cause, an open question";
    QUICK_ANSWER "quick-answer" v 1 Note from "PagerDuty log":
        "somebody acknowledged within 5 minutes" => "what helped";
    SLOW_ANSWER "slow-answer" v 1 Note from "PagerDuty log":
        "nobody acknowledged within 15 minutes" => "what hindered";
    ESCALATED "escalated" v 1 Note from "PagerDuty log":
        "it was escalated" => "what hindered: how often";
    FOUND_LATE "found-late" v 1 Note from "Prometheus or Datadog, PagerDuty":
        "a series was over its threshold 5 minutes or more before the incident opened" => "what hindered";
    RECOVERY_AFTER "recovery-after" v 2 Note from "Slack, Dock, Prometheus or Datadog":
        "something was done within 15 minutes before a series came back under its threshold or an alert was resolved" => "what helped: what came after what, and no more than that; an open question, where it was warned against or taken back";
    DECLINED_BEFORE "declined-before" v 1 Note from "Dock":
        "a paper about the incident was declined before" => "who declined it, when and why";
    READ "read" v 1 Note from "every platform that was asked":
        "a fact that was read and raises no concern" => "shown as evidence";
}

/// What can be set per installation. The rules' sentences name the defaults.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A row that was executed so long before the incident opened may have to do with it, in minutes.
    pub before_min: u32,
    /// An acknowledgement within so many minutes helped.
    pub quick_min: u32,
    /// An acknowledgement after so many minutes hindered.
    pub slow_min: u32,
    /// What was done so long before a recovery is named with it, in minutes.
    pub recovery_min: u32,
    /// Reactions that put a message on the timeline.
    pub marks: Vec<String>,
    /// What a burn rate is held against where its series names no threshold: 1 spends the budget exactly in its time.
    pub burn_over: f64,
}

impl Default for Limits {
    fn default() -> Self {
        let marks = ["pushpin", "round_pushpin", "memo", "dock", "timeline"];
        Self {
            before_min: 60,
            quick_min: 5,
            slow_min: 15,
            recovery_min: 15,
            marks: marks.map(str::to_owned).to_vec(),
            burn_over: 1.0,
        }
    }
}

/// How long what a platform said stays fresh, in seconds: an incident that is over changes seldom.
pub(super) const FRESH_S: u32 = 3_600;

/// A responder says what is done.
pub(super) const DECIDES: &[&str] = &[
    "failing over",
    "failed over",
    "fail over now",
    "rolling back",
    "rolled back",
    "rollback",
    "reverting",
    "reverted",
    "restarting",
    "restarted",
    "rotating",
    "rotated",
    "scaling",
    "scaled",
    "disabling",
    "disabled",
    "enabling",
    "enabled",
    "toggled",
    "toggling",
    "draining",
    "drained",
    "pausing",
    "paused",
    "promoting",
    "promoted",
    "switching",
    "switched",
    "deploying",
    "deployed",
    "killing",
    "killed",
    "cordoned",
    "evicted",
    "declaring",
    "declared",
    "mitigated",
    "decided",
    "going with",
    "flushed",
    "flushing",
    "blocked",
    "blocking",
    "shifted",
    "shifting",
    "muting",
    "muted",
];

/// Somebody says that it is well again.
pub(super) const RECOVERS: &[&str] = &[
    "recovered",
    "recovering",
    "back to normal",
    "is back",
    "are back",
    "came back",
    "fixed it",
    "that fixed",
    "it worked",
    "that worked",
    "that did it",
    "works again",
    "working again",
    "up again",
    "healthy again",
    "fresh again",
    "green again",
    "fine again",
    "normal again",
    "well again",
    "back under",
    "went away",
    "is gone",
    "are gone",
];

/// A responder warns.
pub(super) const WARNS: &[&str] = &[
    "don't",
    "dont",
    "do not",
    "stop",
    "wrong runbook",
    "runbook is wrong",
    "is outdated",
    "step is wrong",
    "never run",
];

/// Something is left to do.
pub(super) const FOLLOWS_UP: &[&str] = &[
    "follow up",
    "follow-up",
    "followup",
    "action item",
    "todo",
    "to do",
    "we should",
    "we need to",
    "let's add",
    "next time",
];

/// Programs whose name makes a message a command.
pub(super) const COMMANDS: &[&str] = &[
    "kubectl",
    "redis-cli",
    "psql",
    "mysql",
    "helm",
    "argocd",
    "terraform",
    "systemctl",
    "aws",
    "gcloud",
    "az",
    "gh",
    "curl",
    "ansible-playbook",
    "consul",
    "vault",
    "etcdctl",
    "kafka-topics",
    "iptables",
];
