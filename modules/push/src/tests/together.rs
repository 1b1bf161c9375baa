//! With the real roster and presence.

use waxwing_presence::Presence;
use waxwing_roster::Rosters;

use super::*;

async fn scene() -> Scene {
    let server = TestServer::host("capulet.lit").with::<Push>().with::<Log>().with::<Keeping>();
    let server = server.with::<Rosters>().with::<Presence>().start().await;
    let (app, romeo) = (server.online(APP).await, server.online(ROMEO).await);
    Scene { server, app, romeo }
}

/// Keeps all messages; presence is somebody else's.
#[derive(Debug)]
struct Keeping;

impl Module for Keeping {
    type Config = NoConfig;

    const INFO: ModuleInfo = ModuleInfo::new("keeping", "Keeps all messages");

    fn start(_: NoConfig, reg: &mut Registrar<'_>) -> Result<Arc<Self>, StartError> {
        let this = Arc::new(Self);
        reg.step(Side::Received, Step::Record, Kinds::NORMAL | Kinds::CHAT, &this, |_, event| {
            event.keep = Keep { archived: true, owed: true };
            Ok(Flow::Continue)
        });
        Ok(this)
    }
}

async fn enabled_and_gone(scene: &Scene) {
    let mut phone = scene.server.online(PHONE).await;
    enable(&mut phone, "n1").await;
    phone.drop_connection().await;
}

#[tokio::test(start_paused = true)]
async fn xep0357_7_a_service_that_shares_presence_is_published_to() {
    let mut scene = scene().await;
    scene.app.send("<presence to='juliet@capulet.lit'/>").await;
    enabled_and_gone(&scene).await;
    scene.app.forget();
    scene.say("Hi").await;
    assert_eq!(scene.published().await.count(), "1");
    // The message itself waited for the phone.
    let mut phone = scene.server.login(PHONE).await;
    phone.send("<presence/>").await;
    let mut found = false;
    while let Some(stanza) = phone.next().await {
        found |= stanza.has_body();
    }
    assert!(found);
}

/// A push service owes its users no presence.
#[tokio::test(start_paused = true)]
async fn xep0357_7_a_service_that_shares_no_presence_is_published_to() {
    let mut scene = scene().await;
    enabled_and_gone(&scene).await;
    scene.app.forget();
    scene.say("Hi").await;
    assert_eq!(scene.published().await.count(), "1");
}
