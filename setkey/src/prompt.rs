//! `setkey -c` on a terminal: a prompt with line editing and a history, which is kept in memory alone since
//! statements contain keys.

use std::io::{self, Read};

use grammar::is_whole;
use model::Dialect;
use rustyline::{Config, Editor, error::ReadlineError, history::MemHistory};
use zeroize::Zeroizing;

const PROMPT: &str = "setkey> ";
/// Where a statement goes on.
const CONTINUATION: &str = "     -> ";

const GREETING: &str = "Statements end with `;`. `help` lists them, Ctrl-D or `exit` ends.";

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
  exit | quit                                         end, as Ctrl-D does
Ctrl-C cancels a statement. setkey(8) has the details.
";

/// Reads statements from the terminal.
pub struct Prompt {
    editor: Editor<(), MemHistory>,
    dialect: Dialect,
    text: Zeroizing<String>,
    read: usize,
    has_ended: bool,
}

impl Prompt {
    /// Takes over the terminal for each line.
    pub fn new(dialect: Dialect) -> io::Result<Self> {
        let config = Config::builder().max_history_size(HISTORY).map_err(io::Error::other)?.build();
        let history = MemHistory::with_config(&config);
        let editor = Editor::with_history(config, history).map_err(io::Error::other)?;
        println!("{GREETING}");
        Ok(Self { editor, dialect, text: Zeroizing::default(), read: 0, has_ended: false })
    }

    /// Waits for statements. Whether there are some.
    fn next(&mut self) -> io::Result<bool> {
        (self.text, self.read) = (Zeroizing::default(), 0);
        while !self.has_ended {
            let prompt = if self.text.is_empty() { PROMPT } else { CONTINUATION };
            match self.editor.readline(prompt).map(Zeroizing::new) {
                Ok(line) => self.text = Zeroizing::new(format!("{}{}\n", *self.text, *line)),
                Err(ReadlineError::Interrupted) => self.text = Zeroizing::default(),
                Err(ReadlineError::Eof) => self.has_ended = true,
                Err(ReadlineError::Io(error)) => return Err(error),
                Err(error) => return Err(io::Error::other(error)),
            }
            match self.text.trim().trim_end_matches(';').trim_end() {
                "help" | "?" => print!("{HELP}"),
                "exit" | "quit" => self.has_ended = true,
                "" => {}
                _ if is_whole(&self.text, self.dialect) || self.has_ended => {
                    let statement = self.text.trim_end();
                    self.editor.add_history_entry(statement).map_err(io::Error::other)?;
                    return Ok(true);
                }
                _ => continue,
            }
            self.text = Zeroizing::default();
        }
        Ok(false)
    }
}

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.read == self.text.len() && !self.next()? {
            return Ok(0);
        }
        let rest = &self.text.as_bytes()[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}
