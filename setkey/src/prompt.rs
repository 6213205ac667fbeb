//! `setkey -c` on a terminal: a prompt with line editing and a history, which is kept in memory alone since
//! statements contain keys.

use std::io::{self, Read};

use grammar::is_whole;
use model::Dialect;
use rustyline::{
    Config, Editor, Helper,
    completion::Completer,
    error::ReadlineError,
    highlight::Highlighter,
    hint::Hinter,
    history::MemHistory,
    validate::{ValidationContext, ValidationResult, Validator},
};
use zeroize::Zeroizing;

const PROMPT: &str = "setkey> ";

/// Statements that can be recalled.
const HISTORY: usize = 100;

const HELP: &str = "\
Statements end with `;` and may go over several lines:
  add SRC DST PROTOCOL SPI [OPTION ...] ALGORITHMS;   add an SA
  get | delete SRC DST PROTOCOL SPI;                  print or delete an SA
  deleteall SRC DST PROTOCOL;                         delete the SAs between two addresses
  dump [PROTOCOL];  flush [PROTOCOL];                 print or delete all SAs
  spdadd | spdupdate SRC DST UPPER -P DIRECTION ACTION [TEMPLATE ...];
  spddelete SRC DST UPPER -P DIRECTION;               delete a policy
  spddump;  spdflush;                                 print or delete all policies
  exit;                                               end, as Ctrl-D does
Ctrl-C cancels a statement. setkey(8) has the details.
";

/// Reads statements from the terminal.
pub struct Prompt {
    editor: Editor<Statements, MemHistory>,
    text: Zeroizing<Vec<u8>>,
    read: usize,
}

impl Prompt {
    /// Takes over the terminal for each statement.
    pub fn new(dialect: Dialect) -> io::Result<Self> {
        let config = Config::builder().max_history_size(HISTORY).map_err(io::Error::other)?.build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(io::Error::other)?;
        editor.set_helper(Some(Statements(dialect)));
        Ok(Self { editor, text: Zeroizing::default(), read: 0 })
    }

    /// Waits for statements. Whether there are some.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            let text = match self.editor.readline(PROMPT) {
                Ok(text) => Zeroizing::new(text),
                Err(ReadlineError::Interrupted) => continue,
                Err(ReadlineError::Eof) => return Ok(false),
                Err(ReadlineError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            };
            if text.trim().trim_end_matches(';').trim_end() == "help" {
                print!("{HELP}");
                continue;
            }
            if !text.trim().is_empty() {
                self.editor.add_history_entry(&**text).map_err(io::Error::other)?;
            }
            self.text = Zeroizing::new(format!("{}\n", &**text).into_bytes());
            self.read = 0;
            return Ok(true);
        }
    }
}

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() && !self.next()? {
            return Ok(0);
        }
        let rest = &self.text[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

/// Lets a statement go on in the next line until its `;`.
struct Statements(Dialect);

impl Validator for Statements {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        let is_over = text.trim() == "help" || is_whole(text, self.0);
        Ok(if is_over { ValidationResult::Valid(None) } else { ValidationResult::Incomplete })
    }
}

impl Completer for Statements {
    type Candidate = String;
}

impl Hinter for Statements {
    type Hint = String;
}

impl Highlighter for Statements {}

impl Helper for Statements {}
