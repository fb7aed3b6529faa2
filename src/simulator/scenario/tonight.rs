//! The incident that is on while people look: INC-2110 opens a little after the world began, and its runbook is one that was
//! left behind.
//!
//! It comes late, so that the seeds' rows are there before it, under their own numbers.
//! Never: a service that a row of the seeds is about; opened twice.

use jiff::Timestamp;

use crate::simulator::{SimulatorError, confluence::Wiki, pagerduty::Incident, world::State};

/// Ticks of the world until it opens: a minute and a half at the usual pace.
pub(in crate::simulator) const OPENS_AFTER_TICKS: u32 = 900;
const NUMBER: u64 = 2110;
/// Of PagerDuty alone, as those of the other runbooks are.
const SERVICE: &str = "logins";
pub(super) const SERVICES: [(&str, &str); 1] = [(SERVICE, "Platform")];
const P95_S: f64 = 0.24;

/// CONF-5120. The cache that its third step scales is not there any more.
const LOGINS: &str = "<h1>Logins fail</h1>\
<p>For when people cannot log in, or wait long for it. Owned by the platform team.</p>\
<h2>Before you begin</h2>\
<ul><li><p>Say in #incidents that you take it.</p></li>\
<li><p>Look at the session store first: where it is read-only, use Redis failover.</p></li></ul>\
<h2>Steps</h2>\
<ol><li><p>Look at the p95 and the error rate of the logins.</p></li>\
<li><p>Restart deployment/identity, one replica after the other.</p>\
<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">bash</ac:parameter>\
<ac:plain-text-body><![CDATA[kubectl -n identity rollout restart deployment/identity
kubectl -n identity rollout status deployment/identity]]></ac:plain-text-body></ac:structured-macro>\
<ac:structured-macro ac:name=\"warning\"><ac:rich-text-body><p>Who logs in meanwhile is asked to do it again.</p>\
</ac:rich-text-body></ac:structured-macro></li>\
<li><p>Scale deployment/identity-cache to 4 replicas.</p></li>\
<li><p>If it stays, set passkeys to false in configmap/identity-flags.</p></li></ol>\
<h2>Afterwards</h2><p>Write down in the incident how long it took.</p>";

pub(super) fn measure(state: &mut State) {
    state.slo(SERVICE).p95(P95_S);
}

pub(super) fn page(wiki: &mut Wiki, written: Timestamp) -> Result<(), SimulatorError> {
    wiki.add(("5120", "RUN"), "Logins fail", LOGINS, "acc-jordan", written)
}

/// Time passes by one tick. Gives whether that is worth telling.
pub(in crate::simulator) fn tick(state: &mut State, now: Timestamp) -> bool {
    let Some(left) = state.plan.tonight_in else { return false };
    state.plan.tonight_in = left.checked_sub(1);
    if left == 0 {
        open(state, now);
    }
    left == 0
}

fn open(state: &mut State, now: Timestamp) {
    if state.pager.incidents.iter().any(|incident| incident.number == NUMBER) {
        return;
    }
    let mut incident = Incident::new(
        NUMBER,
        SERVICE,
        "Logins with passkeys take more than a second, some fail",
        "Their p95 is over a second, and the error rate rises.",
        now,
    )
    .of_priority("SEV-3");
    incident.acknowledge("priya", now);
    state.pager.incidents.push(incident);
    let channel = format!("inc-{NUMBER}");
    state.chat.add_channel(&channel, true);
    state.chat.say(&channel, "priya", now, "I take it, looking at the runbook for logins.", None);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulator::Scenario;

    #[test]
    fn it_opens_once_a_while_after_the_world_began() {
        let now = Timestamp::UNIX_EPOCH;
        let mut state = super::super::state(Scenario::Seeds, now).unwrap();
        let mut open = || {
            tick(&mut state, now);
            state.pager.incidents.iter().filter(|one| one.is_on(SERVICE)).count()
        };
        assert!((0..OPENS_AFTER_TICKS).all(|_| open() == 0));
        assert!((0..OPENS_AFTER_TICKS * 2).all(|_| open() == 1));
        let seeds = super::super::runbooks::SERVICES.iter().map(|(service, _)| *service);
        let mut seeds = seeds.chain(super::super::ESTATE.iter().map(|estate| estate.name));
        assert!(seeds.all(|service| service != SERVICE));
    }
}
