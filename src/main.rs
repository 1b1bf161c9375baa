//! Waxwing: an XMPP-compliant federated messaging server.
//!
//! `waxwing` alone serves `localhost` with a certificate made on the spot; see `waxwing --help`.

mod admin;
mod check;
mod cli;
mod facts;
mod modules;
mod password;
mod serve;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // Where the system gives huge pages to all who do not refuse them, an idle server would have twice the memory.
    // A kernel without them says no, and then there is nothing to refuse.
    rustix::thread::disable_transparent_huge_pages(true).ok();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cli::fail(&format!("the runtime does not start: {error}")),
    };
    match runtime.block_on(cli.run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => cli::fail(&reason),
    }
}
