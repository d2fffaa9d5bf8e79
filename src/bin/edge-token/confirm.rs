//! Asks before what cannot be undone.

use std::io::IsTerminal as _;

use clap::Args;

use crate::Error;

#[derive(Args)]
pub(crate) struct Sure {
    /// Do not ask: for scripts, which have no terminal to be asked on
    #[arg(long, short)]
    pub(crate) yes: bool,
}

impl Sure {
    /// Goes on only if the operator wants what `what` says, a sentence.
    pub(crate) fn confirm(&self, what: &str) -> Result<(), Error> {
        if self.yes {
            return Ok(());
        }
        let what = crate::output::printable(what);
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::Argument(format!(
                "{what} There is no terminal to ask on, so nothing was changed: --yes does it \
                 without asking"
            )));
        }
        eprint!("{what} Do it? [y/N] ");
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.map_err(|error| Error::File {
            path: "the terminal".into(),
            error,
        })?;
        match answer.trim().to_ascii_lowercase().as_str() {
            "y" | "yes" => Ok(()),
            _ => Err(Error::State("nothing was changed".into())),
        }
    }
}
