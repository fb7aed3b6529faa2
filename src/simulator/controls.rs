//! How a demo or a test moves the world: drifts, moved bases, incidents, how a sync fares.
//!
//! Never: reachable over HTTP.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Quiet, SimulatorError, World, alertmanager::Raised, pagerduty::Incident, telemetry::Script,
    terraform::resource, world::State,
};

impl World {
    /// A new image by a commit whose CI is green; a chart gets its next patch version. The application goes out of sync
    /// within a moment.
    pub fn drift(&self, app: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| state.roll(app, now))
    }

    /// The next drift of the scenario's plan, if one is left: its application's name.
    pub fn drift_next(&self) -> Option<String> {
        self.edit(State::drift_next)
    }

    /// Something that a row on this application rests on moves; ArgoCD's own cache shows it when this returns.
    pub fn move_base(&self, app: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            if state.app(app)?.runs_what_git_says() {
                state.flip_by_hand(app, now)?;
            } else {
                state.roll(app, now)?;
            }
            state.reconcile(app, now);
            Ok(())
        })
    }

    /// Opens or resolves an incident, as in `INC-771`. One that is not there yet is opened on `service`.
    pub fn incident(&self, id: &str, open: bool, service: Option<&str>) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let number = id.strip_prefix("INC-").and_then(|digits| digits.parse().ok());
            let number: u64 = number.ok_or_else(|| SimulatorError::Unknown(format!("incident {id}")))?;
            let known = state.pager.incidents.iter_mut().find(|incident| incident.number == number);
            if let Some(incident) = known {
                incident.set_open(open, now);
            } else if open {
                let service = service.unwrap_or("checkout-web");
                state.pager.incidents.push(Incident::new(number, service, "Opened by hand", "", now));
            }
            Ok(())
        })
    }

    /// Somebody writes a note on an incident that is there.
    pub fn note(&self, id: &str, by: &str, text: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let mut all = state.pager.incidents.iter_mut();
            let known = all.find(|incident| id == format!("INC-{}", incident.number));
            let known = known.ok_or_else(|| SimulatorError::Unknown(format!("incident {id}")))?;
            known.note(by, now, text);
            Ok(())
        })
    }

    /// From `since` on, a service's error budget burns at this multiple of its even pace.
    pub fn burn(&self, service: &str, since: Timestamp, rate: f64) -> Result<(), SimulatorError> {
        self.measured(service, |script| script.burn(since, rate))
    }

    /// This share of a service's budget for the month is spent.
    pub fn spend_budget(&self, service: &str, share: f64) -> Result<(), SimulatorError> {
        let now = self.now();
        self.measured(service, |script| script.spent(now, share))
    }

    /// From `since` on, nothing of a service arrives at whoever measures.
    pub fn fall_silent(&self, service: &str, since: Timestamp) -> Result<(), SimulatorError> {
        self.measured(service, |script| script.quiet(since))
    }

    /// Mutes or unmutes a service's monitor in Datadog; its state goes on being told.
    pub fn mute(&self, service: &str, muted: bool) -> Result<(), SimulatorError> {
        self.measured(service, |script| {
            script.muted = muted;
            script
        })
    }

    /// A Terraform run for this commit, planned and waiting, newer than all before it in its workspace. `address` is what
    /// it creates, as in `aws_iam_role.billing_export`.
    pub fn plan(&self, workspace: &str, commit: &str, address: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| {
            let change = resource(address, &["create"], Value::Null, serde_json::json!({"name": workspace}));
            known_workspace(state.terraform.plan(workspace, commit, vec![change], now), workspace)
        })
    }

    /// The newest plan of a workspace is still being made, or ended in an error.
    pub fn unplan(&self, workspace: &str, errored: bool) -> Result<(), SimulatorError> {
        self.edit(|state, now| known_workspace(state.terraform.unplan(workspace, errored, now), workspace))
    }

    /// Somebody discards the newest run of a workspace in Terraform's own page.
    pub fn discard(&self, workspace: &str) -> Result<(), SimulatorError> {
        self.edit(|state, now| known_workspace(state.terraform.discard(workspace, now), workspace))
    }

    /// A workspace applies by itself, or waits for somebody.
    pub fn set_auto_apply(&self, workspace: &str, on: bool) -> Result<(), SimulatorError> {
        self.edit(|state, _| known_workspace(state.terraform.set_auto_apply(workspace, on), workspace))
    }

    /// Raises an alert on a service by hand, or changes what keeps it quiet.
    pub fn alert(&self, service: &str, name: &str, quiet: Option<Quiet>) -> Result<(), SimulatorError> {
        self.edit(|state, since| {
            state.app(service)?;
            let alerts = state.alerting.raised.entry(service.to_owned()).or_default();
            alerts.entry(name.to_owned()).or_insert(Raised { since, quiet }).quiet = quiet;
            Ok(())
        })
    }

    /// A service's alerts are silenced, and only one of Alertmanager's replicas has heard of it yet.
    pub fn silence_at_one_replica(&self, service: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app(service)?;
            state.alerting.half_silenced.push(service.to_owned());
            Ok(())
        })
    }

    fn measured(
        &self,
        service: &str,
        change: impl FnOnce(&mut Script) -> &mut Script,
    ) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app(service)?;
            change(state.slo(service));
            Ok(())
        })
    }

    /// Has this application been out of sync, and is it still, as ArgoCD shows it?
    pub fn is_out_of_sync(&self, app: &str) -> bool {
        self.read(|state| state.apps.get(app).is_some_and(|app| !app.is_synced()))
    }

    /// How an application fares after its next syncs.
    pub fn set_outlook(&self, app: &str, health: &str, message: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app_mut(app)?.outlook = (health.to_owned(), message.to_owned());
            Ok(())
        })
    }

    /// How an application fares from now on, without a sync: its pods crash, or recover.
    pub fn set_health(&self, app: &str, health: &str, message: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            let fares = state.app_mut(app)?;
            (fares.health, fares.health_message) = (health.to_owned(), message.to_owned());
            state.touch(app);
            Ok(())
        })
    }

    /// The next `attempts` at applying fail with this message.
    pub fn fail_syncs(&self, app: &str, attempts: u32, message: &str) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app_mut(app)?.failing = Some((attempts, message.to_owned()));
            Ok(())
        })
    }

    /// Turns an application's own syncing on or off.
    pub fn set_auto_sync(&self, app: &str, on: bool) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app_mut(app)?.automated = on.then(|| serde_json::json!({"prune": true, "selfHeal": true}));
            state.touch(app);
            Ok(())
        })
    }

    /// Lets a deny window begin or end.
    pub fn set_window_closed(&self, app: &str, closed: bool) -> Result<(), SimulatorError> {
        self.edit(|state, _| {
            state.app_mut(app)?.window_closed = closed;
            Ok(())
        })
    }
}

fn known_workspace(known: bool, workspace: &str) -> Result<(), SimulatorError> {
    if known { Ok(()) } else { Err(SimulatorError::Unknown(format!("workspace {workspace}"))) }
}
