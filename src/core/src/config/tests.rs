//! Good configs load; bad ones name file, line, reason and the way out.

use super::*;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("waxwing.toml"), &[]).map_err(|error| error.to_string())
}

#[test]
fn one_host_line_is_a_complete_config() {
    let config = parse("[host.\"example.org\"]\n").unwrap();
    assert_eq!(config.host.keys().collect::<Vec<_>>(), ["example.org"]);
    assert_eq!(config.listen.c2s, ["[::]:5222".parse().unwrap()]);
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() {
    let error = parse("data_dir = \"x\"\n[limits]\nstanza_byte_max = \"1 KiB\"\n").unwrap_err();
    assert!(error.starts_with("waxwing.toml, line 3: there is no key \"stanza_byte_max\" here"), "{error}");
    assert!(error.ends_with("did you mean \"stanza_bytes_max\"?"), "{error}");
}

#[test]
fn a_wrong_unit_says_how_to_write_it() {
    let error = parse("[limits]\nlogin_time_max = \"2 weeks\"\n").unwrap_err();
    assert!(error.contains("line 2") && error.contains("\"2 min\""), "{error}");
}

#[test]
fn an_unknown_module_and_a_wrong_domain_are_placed() {
    let error = parse("[host.\"example.org\"]\n[host.\"example.org\".modules.nothing]\n").unwrap_err();
    assert!(error.starts_with("waxwing.toml, line 2: there is no module \"nothing\""), "{error}");
    let error = parse("[storage]\n\nengine = \"oracle\"\n").unwrap_err();
    assert!(error.starts_with("waxwing.toml, line 3: there is no storage engine"), "{error}");
}

#[test]
fn settings_of_the_command_line_win() {
    let set = ["limits.login_tries_max=9".to_owned(), "data_dir=/tmp/x".to_owned()];
    let config = Config::load(None, &set, &[]).unwrap();
    assert_eq!(config.limits.login_tries_max, 9);
    assert_eq!(config.data_dir, Path::new("/tmp/x"));
    let error = Config::load(None, &["limits.login_tries_max".to_owned()], &[]).unwrap_err();
    assert!(error.to_string().contains("KEY=VALUE"));
}

#[test]
fn lifetimes_are_lengths_of_time_or_forever() {
    for text in ["forever", "365 days", "1 h"] {
        assert_eq!(text.parse::<Lifetime>().unwrap().to_string(), text);
    }
    assert_eq!("forever".parse(), Ok(Lifetime(None)));
    assert_eq!("365 days".parse(), Ok(Lifetime::days(365)));
    assert!("never".parse::<Lifetime>().unwrap_err().contains("forever"));
}

#[test]
fn units_are_written_as_they_are_read() {
    for text in ["250 ms", "30 s", "2 min", "1 h", "7 days"] {
        assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
    }
    for text in ["512 B", "64 KiB", "1 MiB", "2 GiB"] {
        assert_eq!(text.parse::<Bytes>().unwrap().to_string(), text);
    }
}

#[test]
fn networks_contain_their_addresses_only() {
    let net: Network = "127.0.0.0/8".parse().unwrap();
    assert!(net.contains("127.9.8.7".parse().unwrap()) && net.contains("::ffff:127.0.0.1".parse().unwrap()));
    assert!(!net.contains("128.0.0.1".parse().unwrap()) && !net.contains("::1".parse().unwrap()));
    assert!("::1".parse::<Network>().unwrap().contains("::1".parse().unwrap()));
    assert!("127.0.0.0/33".parse::<Network>().is_err());
}
