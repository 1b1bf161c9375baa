//! The config file: read and checked with every module's section, or refused with a reason; what was read is written
//! and read again as the same.

use std::path::Path;

use waxwing_core::Config;

use crate::modules::MODULES;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Config::parse(text, Path::new("fuzz.toml"), MODULES) {
        Ok(config) => {
            let again = toml::to_string(&config).expect("a config can be written");
            assert_eq!(Config::parse(&again, Path::new("again.toml"), MODULES).ok(), Some(config), "{again}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}
