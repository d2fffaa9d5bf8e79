//! The operator's tool: makes signing keys, registers, shows and changes clients, revokes tokens, and
//! checks deployments.
//!
//! Results go to standard output, as tables and lines on a terminal and as JSON in a pipe; words for
//! people go to standard error, and the exit status is 0 only when what was asked for is done. It
//! stands on the same core as the service.

mod audit;
mod check;
mod client;
mod confirm;
#[cfg(feature = "console")]
mod console;
mod import;
mod key;
mod moment;
mod output;
mod progress;
mod realms;
mod revoke;
mod setup;
mod target;
mod wrangler_toml;

use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use edge_token::time::UnixTime;

use crate::output::View;
use crate::target::{Kind, Target};

/// What shells know the tool by.
const NAME: &str = "edge-token";

/// The operator's tool of edge-token: signing keys and clients.
///
/// Results go to standard output: tables and lines on a terminal, JSON in a pipe or with --json.
/// Words for people go to standard error.
#[derive(Parser)]
#[command(
    version,
    disable_help_subcommand = true,
    after_help = "In the checkout, `cargo run --` stands for `edge-token`. `--help` after each command has examples."
)]
struct Arguments {
    #[command(flatten)]
    target: TargetArguments,
    /// Print the result as JSON, on a terminal too
    #[arg(long, global = true)]
    json: bool,
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
    #[command(
        after_help = "Examples:\n  edge-token check https://auth.example.com/realms/default\n  EDGE_TOKEN_CLIENT_ID=billing edge-token check http://127.0.0.1:8787/realms/default --client-secret - < secret.txt\n  edge-token check https://auth.example.com --json"
    )]
    Check(check::Arguments),
    /// Serve a page on 127.0.0.1 that does what these commands do
    ///
    /// The page is for the browser that opens the printed link first. Ctrl-C ends it.
    #[cfg(feature = "console")]
    #[command(
        after_help = "Examples:\n  edge-token console\n  edge-token console --remote --env production"
    )]
    Console(console::Arguments),
    /// Look at wrangler, bindings, realms and secrets, and say what is missing and what mends it
    ///
    /// Changes nothing; the exit status is 0 only if nothing is missing. To install the project's
    /// tools is another thing: that does `make setup`.
    #[command(
        after_help = "Examples:\n  edge-token setup\n  edge-token setup --remote --env production"
    )]
    Setup,
    /// Print what a shell needs to complete commands and options
    #[command(
        after_help = "Examples:\n  edge-token completions bash > ~/.local/share/bash-completion/completions/edge-token\n  edge-token completions zsh > ~/.zfunc/_edge-token\n  edge-token completions fish > ~/.config/fish/completions/edge-token.fish"
    )]
    Completions {
        /// The shell
        shell: Shell,
    },
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
    match run(arguments.command, &target, arguments.json) {
        Ok(status) => status,
        Err(error) => {
            eprintln!("edge-token: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Does what was asked for, and prints what came of it.
fn run(command: Command, target: &Target, json: bool) -> Result<ExitCode, Error> {
    let view = |view| match target.kind {
        Kind::Print => View::Json,
        _ => view,
    };
    let (result, view) = match command {
        Command::Key(command) => (key::run(command, target)?, view(View::Members)),
        Command::Client(client::Command::Import(arguments)) => {
            return client::import(&arguments, target, json);
        }
        Command::Client(command) => {
            let view = view(command.view());
            (client::run(command, target)?, view)
        }
        Command::Revoke(command) => (revoke::run(command, target)?, view(View::Members)),
        Command::Check(arguments) => {
            target.is_default()?;
            return check::run(arguments, json);
        }
        #[cfg(feature = "console")]
        Command::Console(arguments) => return console::run(arguments, target),
        Command::Setup => return setup::run(target, json),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), NAME, &mut script);
            // In bash it would complete nothing after the first word, since the name has a hyphen:
            // https://github.com/clap-rs/clap/issues/6421
            let script = String::from_utf8_lossy(&script);
            let script = script.replace("edge__subcmd__token", "edge__token");
            output::write(script.as_bytes())?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    output::print(&result, view, json)?;
    Ok(ExitCode::SUCCESS)
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

/// Random octets.
fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut octets = [0; N];
    fill_random(&mut octets)?;
    Ok(octets)
}

/// Fills in random octets, in the way in which the core takes them.
#[allow(clippy::disallowed_methods, reason = "the tool is an edge of its own")]
fn fill_random(octets: &mut [u8]) -> Result<(), getrandom::Error> {
    getrandom::fill(octets)
}

/// Who changes what is stored, for the audit.
fn operator() -> String {
    ["EDGE_TOKEN_OPERATOR", "USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| "unknown".to_owned())
}
