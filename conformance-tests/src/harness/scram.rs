//! A client for SCRAM (RFC 5802) whose every message a test can change.

use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::conn::Conn;
use super::dom::Element;

/// Which hash.
#[derive(Clone, Copy)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha512,
}

/// One login attempt. Change a field to do it wrong.
pub(crate) struct Scram {
    pub(crate) mechanism: String,
    pub(crate) hash: Hash,
    pub(crate) user: String,
    pub(crate) password: String,
    /// "n,,", "y,,", "p=tls-exporter,,", with an authzid between the commas if wanted.
    pub(crate) gs2: String,
    /// What the channel binding's data is said to be.
    pub(crate) binding: Vec<u8>,
    pub(crate) nonce: String,
    /// Put before the user name in the first message, e.g. `m=ext,`.
    pub(crate) reserved: &'static str,
}

/// How the subject ended the attempt, with its first message where there was one.
pub(crate) struct Outcome {
    pub(crate) challenge: Option<String>,
    pub(crate) end: Element,
    /// Whether the server proved that it knows the password's verifier.
    pub(crate) server_proved: bool,
}

impl Scram {
    pub(crate) fn new(mechanism: &str, user: &str, password: &str) -> Self {
        let hash = match mechanism.trim_end_matches("-PLUS") {
            "SCRAM-SHA-1" => Hash::Sha1,
            "SCRAM-SHA-256" => Hash::Sha256,
            "SCRAM-SHA-512" => Hash::Sha512,
            other => panic!("{other} is no SCRAM mechanism of ours"),
        };
        let mut nonce = [0; 18];
        rand::fill(&mut nonce).expect("the system has randomness");
        Self {
            mechanism: mechanism.to_owned(),
            hash,
            user: user.to_owned(),
            password: password.to_owned(),
            gs2: "n,,".to_owned(),
            binding: Vec::new(),
            nonce: BASE64.encode(nonce),
            reserved: "",
        }
    }

    /// With the channel binding tls-exporter of this connection (RFC 9266).
    pub(crate) fn with_exporter(mut self, conn: &Conn) -> Self {
        "p=tls-exporter,,".clone_into(&mut self.gs2);
        self.binding = conn
            .tls(|t| t.export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(&[])))
            .expect("the handshake is done");
        self
    }

    fn first_bare(&self) -> String {
        format!("{}n={},r={}", self.reserved, self.user, self.nonce)
    }

    /// Sends the first message.
    #[track_caller]
    pub(crate) fn start(&self, conn: &Conn) {
        let first = BASE64.encode(format!("{}{}", self.gs2, self.first_bare()));
        conn.send(&format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{}'>{first}</auth>",
            self.mechanism
        ));
    }

    /// Goes through the whole exchange.
    #[track_caller]
    pub(crate) fn run(&self, conn: &Conn) -> Outcome {
        self.start(conn);
        self.finish(conn, |final_message| final_message)
    }

    /// Reads the challenge and answers it with the final message, changed by the test.
    #[track_caller]
    pub(crate) fn finish(&self, conn: &Conn, change: impl FnOnce(String) -> String) -> Outcome {
        let reply = conn.take_where("an answer to <auth/>", |_| true);
        if reply.name != "challenge" {
            return Outcome { challenge: None, end: reply, server_proved: false };
        }
        let challenge = decode(&reply);
        let (message, signature) = self.final_message(&challenge);
        let message = BASE64.encode(change(message));
        conn.send(&format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{message}</response>"));
        let end = conn.take_where("the end of the exchange", |_| true);
        let server_proved = end.name == "success" && decode(&end) == format!("v={signature}");
        Outcome { challenge: Some(challenge), end, server_proved }
    }

    fn final_message(&self, challenge: &str) -> (String, String) {
        let field = |key: &str| {
            let found = challenge.split(',').find_map(|f| f.strip_prefix(key));
            found.unwrap_or_else(|| panic!("no {key} in the challenge {challenge:?}")).to_owned()
        };
        let (nonce, salt) = (field("r="), BASE64.decode(field("s=")).expect("the salt is base64"));
        let iterations: u32 = field("i=").parse().expect("i= is a number");
        let mut header = self.gs2.clone().into_bytes();
        header.extend_from_slice(&self.binding);
        let bare = format!("c={},r={nonce}", BASE64.encode(header));
        let auth_message = format!("{},{challenge},{bare}", self.first_bare());
        let salted = self.hash.salted(&self.password, &salt, iterations);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let signature = self.hash.hmac(&self.hash.digest(&client_key), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let server_key = self.hash.hmac(&salted, b"Server Key");
        let server_signature = self.hash.hmac(&server_key, auth_message.as_bytes());
        (format!("{bare},p={}", BASE64.encode(proof)), BASE64.encode(server_signature))
    }
}

impl Hash {
    fn salted(self, password: &str, salt: &[u8], iterations: u32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Self::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Self::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            Self::Sha512 => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
        };
        let mut out = vec![0; length];
        let iterations = iterations.try_into().expect("at least one iteration");
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut out);
        out
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }
}

fn decode(element: &Element) -> String {
    String::from_utf8(unbase64(&element.text())).expect("SCRAM's messages are UTF-8")
}

/// Bytes to base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// Base64 to bytes.
#[track_caller]
pub(crate) fn unbase64(text: &str) -> Vec<u8> {
    BASE64.decode(text.trim()).expect("base64")
}
