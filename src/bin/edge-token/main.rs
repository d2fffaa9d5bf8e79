//! The operator's tool: makes signing keys, registers, shows and changes clients, revokes tokens, and
//! checks deployments.
//!
//! Results are JSON on standard output, words for people go to standard error, and the exit
//! status is 0 only when what was asked for is done. It stands on the same core as the service.

mod audit;
mod check;
mod client;
#[cfg(feature = "console")]
mod console;
mod import;
mod key;
mod moment;
mod revoke;
mod target;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use edge_token::time::UnixTime;
use serde_json::Value;

use crate::target::{Kind, Target};

/// The operator's tool of edge-token: signing keys and clients.
///
/// Results are JSON on standard output; words for people go to standard error.
#[derive(Parser)]
#[command(version, disable_help_subcommand = true)]
struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct TargetArguments {
    /// Act on what `make run` serves on this machine (the default)
    #[arg(long, global = true, conflicts_with_all = ["remote", "print"])]
    local: bool,
    /// Act on the deployed Worker's namespace and secrets
    #[arg(long, global = true, conflicts_with = "print")]
    remote: bool,
    /// Touch nothing: print what would be stored
    #[arg(long, global = true)]
    print: bool,
    /// The environment of wrangler.toml to act on
    #[arg(long, global = true, value_name = "NAME")]
    env: Option<String>,
    /// Where local state lies, as `wrangler dev --persist-to` has it
    #[arg(long, global = true, value_name = "DIR", conflicts_with = "remote")]
    persist_to: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Signing keys
    #[command(subcommand)]
    Key(key::Command),
    /// Registered clients
    #[command(subcommand)]
    Client(client::Command),
    /// Emergency: void all tokens of a realm, a client or a subject that were issued before a moment
    #[command(subcommand)]
    Revoke(revoke::Command),
    /// Check a live deployment by requests that anybody may make
    ///
    /// Prints a table; the exit status is 0 if nothing failed. Without credentials, what needs a
    /// token is skipped.
    Check(check::Arguments),
    /// Serve a page on 127.0.0.1 that does what these commands do
    ///
    /// The page is for the browser that opens the printed link first. Ctrl-C ends it.
    #[cfg(feature = "console")]
    Console(console::Arguments),
}

/// What keeps the tool from doing what was asked.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("{0}")]
    Argument(String),
    #[error("{0}")]
    State(String),
    #[error("{0}")]
    Wrangler(String),
    #[error("cannot read or write {path}: {error}")]
    File { path: String, error: std::io::Error },
    #[error("no random octets: {0}")]
    Random(#[from] getrandom::Error),
    #[error("cannot write JSON: {0}")]
    Json(#[from] serde_json::Error),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let kind = match (arguments.target.remote, arguments.target.print) {
        (true, _) => Kind::Remote,
        (_, true) => Kind::Print,
        _ => Kind::Local,
    };
    let target = Target {
        kind,
        env: arguments.target.env,
        persist_to: arguments.target.persist_to,
    };
    let result = match arguments.command {
        Command::Key(command) => key::run(command, &target).map(print),
        Command::Client(command) => client::run(command, &target).map(print),
        Command::Revoke(command) => revoke::run(command, &target).map(print),
        Command::Check(arguments) => target.is_default().and_then(|()| check::run(arguments)),
        #[cfg(feature = "console")]
        Command::Console(arguments) => console::run(arguments, target),
    };
    match result {
        Ok(status) => status,
        Err(error) => {
            eprintln!("edge-token: {error}");
            ExitCode::FAILURE
        }
    }
}

fn print(result: Value) -> ExitCode {
    println!("{result}");
    ExitCode::SUCCESS
}

/// The moment, from this machine's clock.
#[allow(clippy::disallowed_methods, reason = "the tool is an edge of its own")]
fn now() -> UnixTime {
    let now = std::time::SystemTime::now();
    let seconds = now
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    UnixTime::from_seconds(seconds)
}

/// Random octets from the operating system.
#[allow(clippy::disallowed_methods, reason = "the tool is an edge of its own")]
fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)?;
    Ok(octets)
}

/// Who changes what is stored, for the audit.
fn operator() -> String {
    ["EDGE_TOKEN_OPERATOR", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
