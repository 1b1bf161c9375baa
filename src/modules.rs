//! The compiled-in modules: the one file to edit when adding one.

use waxwing_core::ModuleDef;

/// In the order of `waxwing modules`.
pub(crate) static MODULES: &[ModuleDef] = &[
    ModuleDef::of::<waxwing_c2s::C2s>(),
    ModuleDef::of::<waxwing_s2s::S2s>(),
    ModuleDef::of::<waxwing_component::Components>(),
    ModuleDef::of::<waxwing_accounts::Accounts>(),
    ModuleDef::of::<waxwing_register::Register>(),
    ModuleDef::of::<waxwing_roster::Rosters>(),
    ModuleDef::of::<waxwing_presence::Presence>(),
    ModuleDef::of::<waxwing_log::Log>(),
    ModuleDef::of::<waxwing_sm::Sm>(),
    ModuleDef::of::<waxwing_mam::Mam>(),
    ModuleDef::of::<waxwing_offline::Offline>(),
    ModuleDef::of::<waxwing_carbons::Carbons>(),
    ModuleDef::of::<waxwing_csi::Csi>(),
    ModuleDef::of::<waxwing_blocking::Blocking>(),
    ModuleDef::of::<waxwing_disco::Disco>(),
    ModuleDef::of::<waxwing_joined::Joined>(),
    ModuleDef::of::<waxwing_vcard::VCard>(),
    ModuleDef::of::<waxwing_private::Private>(),
    ModuleDef::of::<waxwing_privilege::Privilege>(),
    ModuleDef::of::<waxwing_delegation::Delegation>(),
    ModuleDef::of::<waxwing_push::Push>(),
    ModuleDef::of::<waxwing_muc::Muc>(),
    ModuleDef::of::<waxwing_ping::Ping>(),
    ModuleDef::of::<waxwing_version::Version>(),
    ModuleDef::of::<waxwing_time::Time>(),
    ModuleDef::of::<waxwing_last::Last>(),
];
