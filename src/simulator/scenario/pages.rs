//! The runbooks and the space of the post-mortems in Confluence, as people left them.
//!
//! Never: a page of Dock's own.

use jiff::Timestamp;

use crate::simulator::{SimulatorError, confluence::Wiki};

/// Id, key, name.
const SPACES: [(&str, &str, &str); 2] = [("98305", "RUN", "Runbooks"), ("98306", "INC", "Incidents")];

const REDIS_FAILOVER: &str = "<h1>Redis failover</h1>\
<p>For when the primary of the session store does not answer. Owned by the payments team.</p>\
<h2>Before you begin</h2>\
<ul><li><p>Say in #incidents that you take it.</p></li>\
<li><p>Look at the replication lag: it is under 5 s.</p></li></ul>\
<h2>Steps</h2>\
<ol><li><p>Stop the writers: scale session-writer to 0.</p></li>\
<li><p>Fail over to the replica.</p>\
<ac:structured-macro ac:name=\"code\"><ac:parameter ac:name=\"language\">bash</ac:parameter>\
<ac:plain-text-body><![CDATA[redis-cli -h sessions-sentinel SENTINEL failover sessions]]></ac:plain-text-body>\
</ac:structured-macro></li>\
<li><p>Start the writers again and watch the error rate.</p></li></ol>\
<ac:structured-macro ac:name=\"warning\"><ac:rich-text-body><p>A failover while the replica lags loses sessions.</p>\
</ac:rich-text-body></ac:structured-macro>\
<h2>Afterwards</h2><p>Write down in the incident how long it took.</p><hr/>";

const API_GATEWAY: &str = "<h1>api-gw does not answer</h1>\
<p>For 5xx from the edge. See also <ac:link><ri:page ri:content-title=\"Redis failover\"/></ac:link>.</p>\
<h2>Steps</h2>\
<ol><li><p>Look at the edge's dashboard.</p></li>\
<li><p>Restart api-gw on each node by hand.</p></li>\
<li><p>If it stays, page the network team.</p></li></ol>\
<table><tbody><tr><th><p>Region</p></th><th><p>Nodes</p></th></tr>\
<tr><td><p>eu-west-1</p></td><td><p>4</p></td></tr><tr><td><p>us-east-1</p></td><td><p>6</p></td></tr></tbody></table>";

/// CONF-4711 and CONF-3380, each written by somebody a while ago.
pub(super) fn wiki(written: Timestamp) -> Result<Wiki, SimulatorError> {
    let mut wiki = Wiki::with_spaces(&SPACES);
    wiki.add(("4711", "RUN"), "Redis failover", REDIS_FAILOVER, "acc-jordan", written)?;
    wiki.add(("3380", "RUN"), "api-gw does not answer", API_GATEWAY, "acc-marcus", written)?;
    Ok(wiki)
}
