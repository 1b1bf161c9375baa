//! The two examples of XEP-0115, byte for byte.

use super::*;

fn info(content: &str) -> Tree {
    Tree::parse(&format!("<query xmlns='http://jabber.org/protocol/disco#info'>{content}</query>")).unwrap()
}

const FEATURES: &str = "<feature var='http://jabber.org/protocol/muc'/>
    <feature var='http://jabber.org/protocol/disco#info'/>
    <feature var='http://jabber.org/protocol/disco#items'/>
    <feature var='http://jabber.org/protocol/caps'/>";

const SOFTWARE: &str = "<field var='os'><value>Mac</value></field>
    <field var='os_version'><value>10.5.1</value></field>
    <field var='ip_version' type='text-multi'><value>ipv6</value><value>ipv4</value></field>
    <field var='software'><value>Psi</value></field>
    <field var='software_version'><value>0.11</value></field>";

fn psi(form_type: &str) -> Tree {
    info(&format!(
        "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
        <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>{FEATURES}
        <x xmlns='jabber:x:data' type='result'>{form_type}{SOFTWARE}</x>"
    ))
}

#[test]
fn xep0115_5_2_simple_example() {
    let exodus = info(&format!("{FEATURES}<identity category='client' name='Exodus 0.9.1' type='pc'/>"));
    assert_eq!(verification_string(&exodus), "QgayPKawpkPSDYmwT/WM94uAlu0=");
}

#[test]
fn xep0115_5_3_complex_example() {
    let psi =
        psi("<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:dataforms:softwareinfo</value></field>");
    assert_eq!(verification_string(&psi), "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

#[test]
fn xep0115_5_1_every_part_counts() {
    let base = info("<identity category='server' type='im' name='a'/><feature var='x'/>");
    let others = [
        "<identity category='server' type='im' name='b'/><feature var='x'/>",
        "<identity category='server' type='im' name='a' xml:lang='en'/><feature var='x'/>",
        "<identity category='server' type='im' name='a'/><feature var='y'/>",
        "<identity category='server' type='im' name='a'/><feature var='x'/><feature var='y'/>",
    ];
    for other in others {
        assert_ne!(verification_string(&base), verification_string(&info(other)), "{other}");
    }
}

#[test]
fn xep0115_5_4_a_form_without_hidden_form_type_is_ignored() {
    let without = info(&format!(
        "<identity xml:lang='en' category='client' name='Psi 0.11' type='pc'/>
        <identity xml:lang='el' category='client' name='Ψ 0.11' type='pc'/>{FEATURES}"
    ));
    let open = psi("<field var='FORM_TYPE'><value>urn:xmpp:dataforms:softwareinfo</value></field>");
    assert_eq!(verification_string(&open), verification_string(&without));
}
