//! The rota file and the hooks' secrets are read again together, or not at all.

use super::*;
use crate::server::reload::Reload;

const TABLES: &str = "rota_file = \"ROTA_FILE\"\n[gates.identity]\nrepository = \"acme/identity\"\n";
const BODY: &str = r#"{"action":"completed"}"#;

pub(super) fn night_of(who: &str, zone: &str) -> String {
    format!("[[shift]]\nid = \"night\"\nzone = \"{zone}\"\npeople = [\"{who}\"]\nsince = \"2020-01-06\"\n")
}

impl Gated {
    async fn on_nights(&self, who: &str) -> bool {
        let (app, who) = (&self.world.app, name(who));
        let standing = app.standing().await.unwrap();
        let attributes = app.shifts.attributes(app, &standing, &who, app.clock.now()).await;
        attributes.get("on_call").is_some_and(|shifts| shifts.contains(&"night".to_owned()))
    }

    /// Whether a delivery that is signed like this is believed; what is in it is another matter.
    async fn believes(&self, secret: &str, id: &str) -> bool {
        self.delivered(BODY, secret, id).await != 401
    }
}

#[tokio::test]
async fn shifts_and_secrets_are_read_again_all_or_nothing() {
    let gated = Gated::start_with(TABLES).await;
    let write = |name: &str, text: &str| write_private(&gated.world.dir.path().join(name), text);
    let reload = Reload::of(Arc::clone(&gated.world.app), &gated.config);
    assert!(gated.on_nights("ana").await && gated.believes(SECRET, "first").await);

    write("rota.toml", &night_of("govind", "UTC"));
    write("hook", "another secret");
    assert!(gated.on_nights("ana").await, "nothing is read before somebody asks");
    reload.now().unwrap();
    assert!(gated.on_nights("govind").await && !gated.on_nights("ana").await);
    assert!(gated.believes("another secret", "second").await && !gated.believes(SECRET, "third").await);

    for (rota, hook, says) in [
        (night_of("ana", "Mars/Olympus"), "a third secret", "knows no time zone"),
        ("[[shift]]\n".to_owned(), "a third secret", "rota.toml"),
        (night_of("ana", "UTC"), "", "hooks.github"),
    ] {
        write("rota.toml", &rota);
        write("hook", hook);
        let error = reload.now().unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
        assert!(gated.on_nights("govind").await && !gated.on_nights("ana").await, "{says}");
        let (kept, new) = (format!("kept {says}"), format!("new {says}"));
        assert!(gated.believes("another secret", &kept).await, "{says}");
        assert!(!gated.believes("a third secret", &new).await, "{says}");
    }
}
