//! The rules about the Terraform run behind a plan, what policies say of it, and Datadog's monitors of the service.
//!
//! Never: a plan that nobody could apply shown as one that waits.

use super::Case;
use crate::agent::{
    finding::{Finding, pointer},
    gatekeeper::{
        facts::{Policy, Stand},
        rules, words,
    },
};

impl Case<'_> {
    /// How the plan's run stands, where that is neither waiting for the answer nor done.
    pub(super) fn plan_state(&self, found: &mut Vec<Finding>) {
        let reading = &self.facts.reading;
        let (Some(plan), None) = (reading.plan.known(), &reading.overtaken) else { return };
        let status = plan.status.as_str();
        let over = matches!(status, "errored" | "discarded" | "canceled" | "force_canceled");
        let done = matches!(status, "applied" | "planned_and_finished");
        if plan.waits() || done || plan.auto_apply && !over {
            return;
        }
        let (run, status) = (words::line(&plan.run), words::line(status));
        let says = if over {
            format!("Terraform's {run} is {status}: nothing of the plan would be applied.")
        } else {
            format!(
                "Terraform's {run} is {status} and does not wait for a confirmation: an answer would not apply it."
            )
        };
        let told = self.about(rules::PLAN_NOT_WAITING, "Terraform run", &status, self.plan_pointer());
        found.push(told.saying(says).in_short(format!("Terraform run {status}")));
    }

    pub(super) fn policies(&self, found: &mut Vec<Finding>) {
        let Some(policies) = self.usable(&self.facts.policies) else { return };
        let named = |wanted: Stand| -> Vec<String> {
            let of = policies.iter().filter(|policy| policy.stand == wanted);
            of.map(|policy| format!("{} {}", words::line(&policy.name), words::line(&policy.word))).collect()
        };
        for (rule, stand, says, short) in [
            (rules::POLICY_FAILED, Stand::Failed, "A policy failed on the plan", "policy failed"),
            (
                rules::POLICY_SOFT_FAILED,
                Stand::SoftFailed,
                "A policy failed on the plan, and nobody has overridden it in Terraform",
                "policy failed",
            ),
            (
                rules::POLICY_OVERRIDDEN,
                Stand::Overridden,
                "A policy failed on the plan, and somebody let it pass in Terraform",
                "policy overridden",
            ),
            (rules::READ, Stand::Passed, "", ""),
        ] {
            let named = named(stand);
            if named.is_empty() {
                continue;
            }
            let list = words::list(&named);
            let told =
                self.told(rule, "Terraform policies", &list, self.plan_pointer(), &self.facts.policies);
            found.push(if rule == rules::READ {
                told
            } else {
                told.saying(format!("{says}: {list}.")).in_short(short)
            });
        }
    }

    /// Policies that have not said anything yet, or nothing that is known here.
    pub(super) fn silent_policies(&self) -> Vec<&Policy> {
        let all = self.usable(&self.facts.policies).map(Vec::as_slice).unwrap_or_default();
        all.iter().filter(|policy| matches!(policy.stand, Stand::Pending | Stand::Untold)).collect()
    }

    pub(super) fn monitors(&self, found: &mut Vec<Finding>) {
        let asked = &self.facts.service.monitors;
        let Some(monitors) = self.usable(asked) else { return };
        let service = self.service_pointer("datadog_monitors", "datadog");
        if monitors.is_empty() {
            // Nobody watches it there, or not by its name: that holds nothing, and is not said to be well.
            let why = "no monitor is tagged with the service's name";
            found.push(self.told(rules::READ, "monitors", why, service, asked).unknown());
            return;
        }
        let speaks = |word: &str| matches!(word, "Alert" | "Warn");
        for monitor in monitors.iter().filter(|monitor| speaks(&monitor.word)) {
            let (name, word) = (words::line(&monitor.name), words::line(&monitor.word));
            let quiet = if monitor.quiet { ", muted" } else { "" };
            let value = format!("{name} ({word}{quiet})");
            let place = pointer("datadog_monitor", "datadog", &monitor.id.to_string(), "");
            let told = self.told(rules::MONITOR_ALERTING, "monitor", &value, place, asked);
            let alerts = monitor.word == "Alert";
            found.push(if alerts { told.saying(format!("Datadog's monitor {value}.")) } else { told });
        }
        let well = monitors.iter().filter(|monitor| monitor.word == "OK").count();
        if well == monitors.len() {
            found.push(self.told(rules::READ, "monitors", &format!("{well} OK"), service, asked));
        } else if let Some(silent) =
            monitors.iter().find(|monitor| monitor.word != "OK" && !speaks(&monitor.word))
        {
            let value = format!("{} says {}", words::line(&silent.name), words::line(&silent.word));
            found.push(self.told(rules::READ, "monitors", &value, service, asked).unknown());
        }
    }
}
