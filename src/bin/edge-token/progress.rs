//! How far long work is, on standard error: one line that changes on a terminal, else a line for
//! each step.

use std::io::{IsTerminal as _, Write as _};

/// Work of so many parts.
pub(crate) struct Progress {
    what: &'static str,
    all: usize,
    done: usize,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, all: usize) -> Self {
        let this = Self {
            what,
            all,
            done: 0,
            is_terminal: std::io::stderr().is_terminal(),
        };
        this.tell();
        this
    }

    /// Tells that some more parts are done.
    pub(crate) fn add(&mut self, more: usize) {
        self.done = self.done.saturating_add(more);
        self.tell();
    }

    fn tell(&self) {
        let Self {
            what, all, done, ..
        } = self;
        let line = match self.is_terminal {
            true => format!("\r\x1b[K{what} {done} of {all} …"),
            false if *done == 0 => format!("{what} {all} …\n"),
            false => format!("{what} {done} of {all}\n"),
        };
        // Who closed standard error does not want to know.
        _ = std::io::stderr().write_all(line.as_bytes());
    }
}

impl Drop for Progress {
    /// Clears the line for what comes next.
    fn drop(&mut self) {
        if self.is_terminal {
            _ = std::io::stderr().write_all(b"\r\x1b[K");
        }
    }
}
