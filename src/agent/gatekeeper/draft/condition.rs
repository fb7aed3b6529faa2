//! The rules about how the service is now: its error budget, its incidents, its application, a freeze.
//!
//! Never: a concern without the fact that raised it.

use super::Case;
use crate::{
    agent::{
        finding::{Finding, incident_pointer},
        gatekeeper::{
            facts::{Burn, Rates, Windows},
            rules,
            severity::Severity,
            words,
        },
        rule::Rule,
    },
    row::{Measure, Series},
};

impl Case<'_> {
    pub(super) fn burns(&self, found: &mut Vec<Finding>) {
        let worst = self.burn();
        for burn in &self.facts.service.burns {
            let Some(rates) = self.rates(burn) else { continue };
            let rule = self.burn_rule(burn, rates);
            let (long, short) = (words::number(rates.long), words::number(rates.short));
            let windows = burn.windows;
            let value = format!("{long}x, {} {short}x", windows.short().name());
            let told = self.told(rule, name(windows), &value, burn.pointer.clone(), &burn.rates);
            let limit = self.burn_limit(rule);
            let series = rates.series.clone();
            let told = told
                .with_series(series.map(|series| Series { threshold: Some(limit.to_string()), ..series }));
            if rule == rules::READ {
                found.push(told);
                continue;
            }
            let what = match rule {
                _ if rule == rules::BURN_WITH_CHANGE && self.migrations.is_empty() => {
                    ", while privileges change"
                }
                _ if rule == rules::BURN_WITH_CHANGE => ", while a schema changes",
                _ => "",
            };
            let says = format!(
                "The error budget burns {long}x over {} and {short}x over {}{what}.",
                windows.long().name(),
                windows.short().name()
            );
            // One number stands for all pairs in a title: the worst.
            let told = told.saying(says);
            let leads = rates.both() >= worst;
            found.push(if leads {
                told.in_short(format!("SLO burn {}x", words::number(worst)))
            } else {
                told
            });
        }
    }

    fn burn_rule(&self, burn: &Burn, rates: &Rates) -> Rule {
        let (limits, both) = (self.limits, rates.both());
        if burn.windows == Windows::Fast && both >= limits.burn_block {
            rules::BURN_FAST
        } else if both >= limits.burn_block_with_change && self.changes_privileges_or_schema() {
            rules::BURN_WITH_CHANGE
        } else if both >= limits.burn_hold {
            rules::SLO_BURNING
        } else {
            rules::READ
        }
    }

    /// What that rule was held against; of what raises no concern, what would.
    fn burn_limit(&self, rule: Rule) -> f64 {
        match rule {
            _ if rule == rules::BURN_FAST => self.limits.burn_block,
            _ if rule == rules::BURN_WITH_CHANGE => self.limits.burn_block_with_change,
            _ => self.limits.burn_hold,
        }
    }

    pub(super) fn budget(&self, found: &mut Vec<Finding>) {
        let Some(question) = &self.facts.service.budget else { return };
        let Some(budget) = self.usable(&question.answer) else { return };
        // What is no number was made unknown when it was read; were it not, it is spent.
        let calm = budget.spent_percent < self.limits.budget_spent_hold_percent;
        let rule = if calm { rules::READ } else { rules::BUDGET_SPENT };
        let (spent, span) = (words::number(budget.spent_percent), words::line(&budget.span));
        let value = format!("{}% of {span}, {spent}% spent", words::number(100.0 - budget.spent_percent));
        let told =
            self.told(rule, Measure::BudgetLeft.name(), &value, question.pointer.clone(), &question.answer);
        let told = told.with_series(budget.series.clone());
        found.push(if calm {
            told
        } else {
            told.saying(format!("{spent}% of the error budget of {span} is spent."))
                .in_short(format!("error budget {spent}%"))
        });
    }

    pub(super) fn incidents(&self, found: &mut Vec<Finding>) {
        let asked = &self.facts.service.incidents;
        if self.usable(asked).is_some() {
            let open = self.open_incidents();
            for incident in &open {
                let (title, since) = (words::line(&incident.title), incident.opened_at);
                let called = incident.priority.as_deref().map(words::line);
                let called = called.map(|priority| format!(" {priority}")).unwrap_or_default();
                let value = format!("{}{called}: {title}", incident.name);
                let severity = self.severity(incident);
                let rule = match severity {
                    Severity::Blocks => rules::OPEN_SEV1,
                    Severity::Holds => rules::OPEN_SEV2,
                    Severity::Unknown => rules::INCIDENT_UNRATED,
                    Severity::Lower => rules::INCIDENT_OPEN,
                };
                let told = self.told(rule, "open incident", &value, incident_pointer(incident), asked);
                let told = told.saying(format!("{}{called} is open since {since}: {title}.", incident.name));
                let unrated = if called.is_empty() { " without priority" } else { "" };
                found.push(match severity {
                    Severity::Blocks | Severity::Holds | Severity::Unknown => {
                        told.in_short(format!("{}{called}{unrated} open", incident.name))
                    }
                    Severity::Lower => told,
                });
            }
            if open.is_empty() {
                found.push(self.told(
                    rules::READ,
                    "open incidents",
                    "none",
                    self.service_pointer("pagerduty_service", "pagerduty"),
                    asked,
                ));
            }
        }
        let asked = &self.facts.service.alerts;
        let Some(alerts) = self.usable(asked) else { return };
        for alert in alerts {
            let (name, severity) = (words::line(&alert.name), words::line(&alert.severity));
            let quiet = if alert.quiet { ", silenced" } else { "" };
            let value = format!("{name} ({severity}{quiet})");
            let told = self.told(rules::ALERT_FIRING, "alert", &value, alert.pointer.clone(), asked);
            let since = alert.since.map(|since| format!(" since {since}")).unwrap_or_default();
            found.push(told.saying(format!("Alert {value} fires{since}.")));
        }
        if alerts.is_empty() {
            found.push(self.told(
                rules::READ,
                "alerts",
                "none fires",
                self.service_pointer("alertmanager_alerts", "alertmanager"),
                asked,
            ));
        }
    }

    pub(super) fn application(&self, found: &mut Vec<Finding>) {
        let Some(question) = &self.facts.service.argocd else { return };
        let Some(app) = self.usable(&question.answer) else { return };
        let told = |rule, name: &str, value: &str| {
            self.told(rule, name, value, question.pointer.clone(), &question.answer)
        };
        let (name, sync, health) = (words::line(&app.name), words::line(&app.sync), words::line(&app.health));
        match app.sync.as_str() {
            "Synced" => found.push(told(rules::READ, "ArgoCD sync", &sync)),
            // Unknown is told by `unknown`.
            "Unknown" | "" => {}
            _ => found.push(
                told(rules::OUT_OF_SYNC, "ArgoCD sync", &sync)
                    .saying(format!("{name} is {sync} in ArgoCD: what runs is not what git says."))
                    .in_short("ArgoCD out of sync"),
            ),
        }
        match app.health.as_str() {
            "Healthy" => found.push(told(rules::READ, "ArgoCD health", &health)),
            "Unknown" | "" => {}
            _ => found.push(
                told(rules::DEGRADED_NOW, "ArgoCD health", &health)
                    .saying(format!("{name} is {health} now."))
                    .in_short(format!("ArgoCD {}", health.to_lowercase())),
            ),
        }
    }

    pub(super) fn freeze(&self, found: &mut Vec<Finding>) {
        if let Some(freeze) = &self.facts.freeze {
            let why = words::line(&freeze.why);
            let says = format!("Frozen until {}: {}.", freeze.until, why.trim_end_matches('.'));
            let told = self.about(rules::FREEZE, "freeze", &why, self.run_pointer());
            found.push(told.saying(says).in_short(format!("frozen until {}", freeze.until)));
        }
    }
}

pub(super) fn name(windows: Windows) -> &'static str {
    windows.long().measure().name()
}
