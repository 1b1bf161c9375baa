//! A bot that says back what it is told, and adds everyone who adds it.
//!
//! It makes its account by itself (XEP-0077) and then logs in with tokio-xmpp. See the README beside it.

use std::error::Error;
use std::pin::pin;
use std::process::ExitCode;

use futures::{SinkExt, StreamExt};
use tokio_xmpp::connect::{DnsConfig, ServerConnector, StartTlsServerConnector};
use tokio_xmpp::xmlstream::{Timeouts, XmppStreamElement};
use tokio_xmpp::{Client, Event, Stanza};
use xmpp_parsers::ibr::LegacyQuery;
use xmpp_parsers::iq::Iq;
use xmpp_parsers::jid::{BareJid, Jid};
use xmpp_parsers::message::{Lang, Message, MessageType};
use xmpp_parsers::ns;
use xmpp_parsers::presence::{Presence, Type};
use xmpp_parsers::stanza_error::DefinedCondition;

/// An example needs no error type of its own: whatever goes wrong is printed.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            eprintln!("Does the server run, and is its certificate trusted? The one it made by itself needs");
            eprintln!("  SSL_CERT_FILE=waxwing-data/self-signed/localhost.crt cargo run -p echo-bot");
            ExitCode::FAILURE
        }
    }
}

/// Everything from the command line to the good-bye.
async fn run() -> Outcome {
    let mut arguments = std::env::args().skip(1);
    let jid: BareJid = arguments.next().as_deref().unwrap_or("echo@localhost").parse()?;
    let password = arguments.next().unwrap_or_else(|| "say that again".to_owned());
    let server = arguments.next().unwrap_or_else(|| "127.0.0.1:5222".to_owned());

    register(&jid, &password, &server).await?;
    let mut client = Client::new_starttls(jid, password, DnsConfig::addr(&server), Timeouts::tight());
    let mut pressed = pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            event = client.next() => match event {
                Some(event) => handle(&mut client, event).await?,
                None => return Err("the connection is gone".into()),
            },
            outcome = &mut pressed => {
                outcome?;
                break;
            }
        }
    }
    client.send_stanza(Presence::unavailable().into()).await?;
    client.send_end().await?;
    println!("Good-bye.");
    Ok(())
}

/// Makes the account, inside TLS and before login (XEP-0077 §3.1). An account that is there already will do.
async fn register(jid: &BareJid, password: &str, server: &str) -> Outcome {
    let connector = StartTlsServerConnector(DnsConfig::addr(server));
    let domain: Jid = jid.domain().to_owned().into();
    let (stream, _) = connector.connect(&domain, ns::JABBER_CLIENT, Timeouts::tight()).await?;
    let (_, mut stream) = stream.recv_features::<XmppStreamElement>().await?;

    let query = LegacyQuery {
        username: jid.node().map(ToString::to_string),
        password: Some(password.to_owned()),
        ..LegacyQuery::default()
    };
    stream.send(&XmppStreamElement::Stanza(Iq::from_set("register", query).into())).await?;
    while let Some(element) = stream.next().await {
        let Ok(XmppStreamElement::Stanza(Stanza::Iq(answer))) = element else { continue };
        match answer {
            Iq::Result { .. } => println!("Made the account {jid}."),
            Iq::Error { error, .. } if error.defined_condition == DefinedCondition::Conflict => {
                println!("The account {jid} is there already.");
            }
            Iq::Error { error, .. } => {
                return Err(format!("{jid} may not register: {:?}", error.defined_condition).into());
            }
            _ => continue,
        }
        SinkExt::<&XmppStreamElement>::close(&mut stream).await?;
        return Ok(());
    }
    Err("the server closed the connection without an answer to the registration".into())
}

/// One thing that happened.
async fn handle(client: &mut Client, event: Event) -> Outcome {
    match event {
        Event::Online { bound_jid, .. } => {
            client.send_stanza(Presence::available().into()).await?;
            println!("Online as {bound_jid}. Say something to me; Ctrl-C ends me.");
        }
        Event::Disconnected(error) => println!("Disconnected: {error}"),
        Event::Stanza(Stanza::Message(message)) => {
            if let Some(answer) = answer(&message) {
                client.send_stanza(answer.into()).await?;
            }
        }
        Event::Stanza(Stanza::Presence(Presence { from: Some(from), type_: Type::Subscribe, .. })) => {
            let contact = Jid::from(from.to_bare());
            println!("{contact} adds me, and I add {contact}.");
            client.send_stanza(Presence::subscribed().with_to(contact.clone()).into()).await?;
            client.send_stanza(Presence::subscribe().with_to(contact).into()).await?;
        }
        Event::Stanza(_) => {}
    }
    Ok(())
}

/// The same words to where they came from. Errors get no answer: two bots would never stop (RFC 6120 §8.3.1).
fn answer(message: &Message) -> Option<Message> {
    if !matches!(message.type_, MessageType::Chat | MessageType::Normal) {
        return None;
    }
    let from = message.from.clone()?;
    let (_, body) = message.get_best_body(vec![])?;
    println!("{from}: {body}");
    Some(Message::new_with_type(message.type_.clone(), Some(from)).with_body(Lang::default(), body.clone()))
}
