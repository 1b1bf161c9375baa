//! The messages of SCRAM: [RFC 5802 §7](https://www.rfc-editor.org/rfc/rfc5802#section-7), read strictly.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A message that breaks the grammar; the words say how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed(pub(super) &'static str);

/// What the client says about channel binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BindingFlag {
    /// `n`: it cannot.
    None,
    /// `y`: it could, but thinks that we cannot.
    NotOffered,
    /// `p=`: it does, with this type.
    Used(String),
}

/// `client-first-message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientFirst {
    pub(super) binding: BindingFlag,
    pub(super) authzid: Option<String>,
    pub(super) username: String,
    pub(super) nonce: String,
    /// `gs2-header` as sent.
    pub(super) gs2_header: String,
    /// `client-first-message-bare` as sent.
    pub(super) bare: String,
}

/// `client-final-message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientFinal {
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: String,
    pub(super) proof: Vec<u8>,
    /// `client-final-message-without-proof` as sent.
    pub(super) without_proof: String,
}

impl ClientFirst {
    /// Reads the message.
    pub(super) fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let text = str::from_utf8(data).map_err(|_| Malformed("not UTF-8"))?;
        let (flag, rest) = text.split_once(',').ok_or(Malformed("no gs2-header"))?;
        let (authzid, bare) = rest.split_once(',').ok_or(Malformed("no gs2-header"))?;
        let binding = match flag {
            "n" => BindingFlag::None,
            "y" => BindingFlag::NotOffered,
            _ => BindingFlag::Used(binding_name(flag)?.to_owned()),
        };
        let authzid = match authzid {
            "" => None,
            _ => Some(saslname(attribute(authzid, 'a')?)?),
        };
        let gs2_header = text.strip_suffix(bare).unwrap_or_default().to_owned();
        let mut parts = bare.split(',');
        // A mandatory extension (`m=`) takes the place of the username and is refused with it: RFC 5802 §5.1.
        let username = saslname(attribute(parts.next().unwrap_or_default(), 'n')?)?;
        let nonce = nonce(parts.next())?;
        extensions(parts)?;
        Ok(Self { binding, authzid, username, nonce, gs2_header, bare: bare.to_owned() })
    }
}

impl ClientFinal {
    /// Reads the message.
    pub(super) fn parse(data: &[u8]) -> Result<Self, Malformed> {
        let text = str::from_utf8(data).map_err(|_| Malformed("not UTF-8"))?;
        // `proof` is the last attribute.
        let (without_proof, proof) = text.rsplit_once(',').ok_or(Malformed("no proof"))?;
        let proof = base64(attribute(proof, 'p')?)?;
        let mut parts = without_proof.split(',');
        let channel_binding = base64(attribute(parts.next().unwrap_or_default(), 'c')?)?;
        let nonce = nonce(parts.next())?;
        extensions(parts)?;
        Ok(Self { channel_binding, nonce, proof, without_proof: without_proof.to_owned() })
    }
}

/// `p=` cb-name: letters, digits, `.` and `-`.
fn binding_name(flag: &str) -> Result<&str, Malformed> {
    let name = attribute(flag, 'p')?;
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if name.is_empty() || !name.chars().all(legal) {
        return Err(Malformed("bad channel binding name"));
    }
    Ok(name)
}

fn attribute(part: &str, name: char) -> Result<&str, Malformed> {
    part.strip_prefix(name)
        .and_then(|rest| rest.strip_prefix('='))
        .ok_or(Malformed("attribute missing or out of order"))
}

/// `saslname`: `=2C` is a comma and `=3D` an equals sign; any other `=` is an error (RFC 5802 §5.1).
fn saslname(text: &str) -> Result<String, Malformed> {
    if text.is_empty() || text.contains('\0') {
        return Err(Malformed("bad name"));
    }
    let mut pieces = text.split('=');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (character, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(Malformed("bad escape in a name")),
        };
        name.push(character);
        name.push_str(rest);
    }
    Ok(name)
}

/// `r=` printable: `!` to `~` without the comma, at least one.
fn nonce(part: Option<&str>) -> Result<String, Malformed> {
    let nonce = attribute(part.unwrap_or_default(), 'r')?;
    if nonce.is_empty() || !nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
        return Err(Malformed("bad nonce"));
    }
    Ok(nonce.to_owned())
}

/// Optional extensions are attr-val pairs and otherwise ignored.
fn extensions<'a>(mut parts: impl Iterator<Item = &'a str>) -> Result<(), Malformed> {
    let legal = |part: &str| {
        let mut chars = part.chars();
        let name = chars.next().is_some_and(|c| c.is_ascii_alphabetic() && c != 'm');
        name && chars.next() == Some('=') && chars.next().is_some() && !part.contains('\0')
    };
    if parts.all(legal) { Ok(()) } else { Err(Malformed("bad extension")) }
}

fn base64(text: &str) -> Result<Vec<u8>, Malformed> {
    STANDARD.decode(text).map_err(|_| Malformed("bad base64 in an attribute"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rfc5802_7_client_first_message() {
        let first = ClientFirst::parse(b"p=tls-exporter,a=ju=2Cliet,n=us=3Der,r=fyko+d2l,x=1,y==").unwrap();
        assert_eq!(first.binding, BindingFlag::Used("tls-exporter".to_owned()));
        assert_eq!(first.authzid.as_deref(), Some("ju,liet"));
        assert_eq!(first.username, "us=er");
        assert_eq!(first.nonce, "fyko+d2l");
        assert_eq!(first.gs2_header, "p=tls-exporter,a=ju=2Cliet,");
        assert_eq!(first.bare, "n=us=3Der,r=fyko+d2l,x=1,y==");
    }

    #[test]
    fn rfc5802_7_malformed_client_first_messages() {
        let wrong: [&[u8]; 22] = [
            b"",
            b"n",
            b"n,",
            b"n,,",
            b"n,,n=",
            b"n,,n=user",
            b"n,,n=user,",
            b"n,,n=user,r=",
            b"n,,n=,r=x",
            b"n,,r=x,n=user",
            b"x,,n=user,r=x",
            b"p,,n=user,r=x",
            b"p=,,n=user,r=x",
            b"p=tls unique,,n=user,r=x",
            b"n,a=,n=user,r=x",
            b"n,b=x,n=user,r=x",
            b"n,,n=us=er,r=x",
            b"n,,n=us=2cer,r=x",
            b"n,,n=user,r=x y",
            b"n,,n=user,r=x,",
            b"n,,n=us\xffer,r=x",
            b"n,,n=us\0er,r=x",
        ];
        for message in wrong {
            assert!(ClientFirst::parse(message).is_err(), "{}", message.escape_ascii());
        }
    }

    #[test]
    fn rfc5802_5_1_mandatory_extensions_are_refused() {
        assert!(ClientFirst::parse(b"n,,m=ext,n=user,r=x").is_err());
        assert!(ClientFirst::parse(b"n,,n=user,r=x,m=ext").is_err());
        assert!(ClientFirst::parse(b"n,,n=user,r=x,o=ext").is_ok());
    }

    #[test]
    fn rfc5802_7_client_final_message() {
        let last = ClientFinal::parse(b"c=biws,r=abc,x=1,p=cHJvb2Y=").unwrap();
        assert_eq!(last.channel_binding, b"n,,");
        assert_eq!(last.nonce, "abc");
        assert_eq!(last.proof, b"proof");
        assert_eq!(last.without_proof, "c=biws,r=abc,x=1");
    }

    #[test]
    fn rfc5802_7_malformed_client_final_messages() {
        let wrong: [&[u8]; 10] = [
            b"",
            b"c=biws",
            b"c=biws,r=abc",
            b"c=biws,p=cHJvb2Y=",
            b"r=abc,c=biws,p=cHJvb2Y=",
            b"c=biws,r=abc,p=cHJvb2Y",
            b"c=biws!,r=abc,p=cHJvb2Y=",
            b"c=biws,r=abc,p=cHJvb2Y=,x=1",
            b"c=biws,r=,p=cHJvb2Y=",
            b"c=biws,r=abc,xx,p=cHJvb2Y=",
        ];
        for message in wrong {
            assert!(ClientFinal::parse(message).is_err(), "{}", message.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn rfc5802_7_any_name_survives_its_escaping(name in "[^\0]{1,20}") {
            let escaped = name.replace('=', "=3D").replace(',', "=2C");
            let message = format!("n,,n={escaped},r=x");
            prop_assert_eq!(ClientFirst::parse(message.as_bytes()).unwrap().username, name);
        }

        #[test]
        fn any_bytes_are_read_or_refused_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (ClientFirst::parse(&bytes).is_ok(), ClientFinal::parse(&bytes).is_ok());
        }

        #[test]
        fn what_is_read_puts_together_to_what_was_sent(text in "(n|y|p=[a-z-]{1,4}),(a=[a-z=23CD]{1,4})?,n=[a-z=23CD,]{1,6},r=[a-z,]{1,4}(,[a-z]=[a-z]{0,2})?") {
            if let Ok(first) = ClientFirst::parse(text.as_bytes()) {
                prop_assert_eq!(format!("{}{}", first.gs2_header, first.bare), text);
            }
        }
    }
}
