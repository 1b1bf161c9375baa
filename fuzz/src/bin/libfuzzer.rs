//! The target that `WAXWING_FUZZ` names, under libFuzzer.

#![no_main]

use std::sync::LazyLock;

use waxwing_fuzz::Target;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("WAXWING_FUZZ").unwrap_or_default();
    waxwing_fuzz::target(&name).unwrap_or_else(|| panic!("WAXWING_FUZZ={name}: there is no such target"))
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
