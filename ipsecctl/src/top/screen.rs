//! The screen on a terminal, which is as before when the program leaves it: by a key, an error, a panic, a signal
//! that ends it, and for as long as it is stopped.

use std::{
    io::{self, stdout},
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use cli::{Second, Signals};
use ratatui::{
    DefaultTerminal, Terminal,
    backend::CrosstermBackend,
    crossterm::{
        event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, poll, read},
        execute,
        terminal::{Clear, ClearType, EnterAlternateScreen, enable_raw_mode},
    },
};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGCONT, SIGTSTP},
    flag,
};

use super::{
    rates::{History, Rates},
    sample::Reader,
    sort::{self, SortKey},
    view::{self, View},
};
use crate::Error;

/// How soon a signal is noticed.
const TICK: Duration = Duration::from_millis(100);

/// Rows of Page Up and Page Down.
const PAGE: usize = 10;

/// Shows the screen until a key or signal ends it. Returns the signal.
pub fn show(mut reader: Reader, interval: Duration, order: SortKey) -> Result<Option<i32>, Error> {
    let mut before = reader.read()?;
    let mut history = History::default();
    let mut rates = history.next(&before, &before);
    let mut view = View { has_policies: false, order, selected: 0, has_help: false };
    let signals = Signals::catch(Second::Waits)?;
    let mut screen = Screen::enter()?;
    let mut next = Instant::now() + interval;
    loop {
        sort::sort(&mut rates.sas, view.order);
        sort::sort(&mut rates.policies, view.order);
        screen.terminal.draw(|frame| view::draw(frame, &rates, &view))?;
        match screen.wait(next, &signals)? {
            Woken::Signal(signal) => return Ok(Some(signal)),
            Woken::Time => {
                let now = reader.read()?;
                rates = history.next(&before, &now);
                before = now;
                next = Instant::now() + interval;
            }
            Woken::Key(key) if is_end(key) => return Ok(None),
            Woken::Key(key) if is_stop(key) => screen.stop()?,
            Woken::Key(key) => press(key, &mut view, &rates),
            Woken::Redraw => {}
        }
        view.selected = view.selected.min(view::rows(&rates, &view).len().saturating_sub(1));
    }
}

fn is_control(key: KeyEvent, letter: char) -> bool {
    key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char(letter)
}

/// The terminal makes no signals of these keys while the screen is shown.
fn is_end(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('q') || is_control(key, 'c')
}

fn is_stop(key: KeyEvent) -> bool {
    is_control(key, 'z')
}

/// What another key does.
fn press(key: KeyEvent, view: &mut View, rates: &Rates) {
    let last = view::rows(rates, view).len().saturating_sub(1);
    match key.code {
        KeyCode::Char('?') => view.has_help = !view.has_help,
        KeyCode::Esc => view.has_help = false,
        KeyCode::Char('p') => (view.has_policies, view.selected) = (!view.has_policies, 0),
        KeyCode::Char('s') => view.order = view.order.next(),
        KeyCode::Char('j') | KeyCode::Down => view.selected += 1,
        KeyCode::Char('k') | KeyCode::Up => view.selected = view.selected.saturating_sub(1),
        KeyCode::Char('g') | KeyCode::Home => view.selected = 0,
        KeyCode::Char('G') | KeyCode::End => view.selected = last,
        KeyCode::PageDown => view.selected += PAGE,
        KeyCode::PageUp => view.selected = view.selected.saturating_sub(PAGE),
        _ => {}
    }
}

/// What ends a wait.
enum Woken {
    Time,
    Key(KeyEvent),
    Signal(i32),
    Redraw,
}

/// The terminal while the screen is shown.
struct Screen {
    terminal: DefaultTerminal,
    is_stopped: Arc<AtomicBool>,
    is_continued: Arc<AtomicBool>,
}

impl Screen {
    /// Shows the screen. A panic leaves it before its message is printed.
    fn enter() -> io::Result<Self> {
        let (is_stopped, is_continued) = (Arc::default(), Arc::default());
        flag::register(SIGTSTP, Arc::clone(&is_stopped))?;
        flag::register(SIGCONT, Arc::clone(&is_continued))?;
        let terminal = ratatui::try_init().inspect_err(|_| ratatui::restore())?;
        Ok(Self { terminal, is_stopped, is_continued })
    }

    /// Waits for the next interval, a key or a signal.
    fn wait(&mut self, next: Instant, signals: &Signals) -> io::Result<Woken> {
        loop {
            if let Some(signal) = signals.received() {
                return Ok(Woken::Signal(signal));
            }
            if self.is_stopped.swap(false, Ordering::Relaxed) {
                self.stop()?;
                return Ok(Woken::Redraw);
            }
            // After SIGSTOP, which no program can catch.
            if self.is_continued.swap(false, Ordering::Relaxed) {
                self.enter_again()?;
                return Ok(Woken::Redraw);
            }
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Woken::Time);
            }
            if poll(left.min(TICK))? {
                match read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        return Ok(Woken::Key(key));
                    }
                    Event::Resize(..) => return Ok(Woken::Redraw),
                    _ => {}
                }
            }
        }
    }

    /// Leaves the screen, stops the process, and shows the screen again when it is continued.
    fn stop(&mut self) -> io::Result<()> {
        self.leave()?;
        let own = i32::try_from(process::id()).ok().and_then(Pid::from_raw);
        if let Some(own) = own {
            kill_process(own, Signal::STOP)?;
        }
        self.is_continued.store(false, Ordering::Relaxed);
        self.enter_again()
    }

    fn enter_again(&mut self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All))?;
        // A new one draws all. Terminal::clear waits for an answer of the terminal.
        self.terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(())
    }

    fn leave(&mut self) -> io::Result<()> {
        ratatui::try_restore()?;
        self.terminal.show_cursor()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // The terminal may be gone.
        let _ = self.leave();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::view::samples;

    #[test]
    fn keys_move_and_choose() {
        let rates = samples::rates();
        let mut view =
            View { has_policies: false, order: SortKey::Bytes, selected: 0, has_help: false };
        let mut type_keys = |keys: &str| {
            for letter in keys.chars() {
                press(KeyEvent::from(KeyCode::Char(letter)), &mut view, &rates);
            }
            view
        };
        assert_eq!(type_keys("jjk").selected, 1);
        assert_eq!(type_keys("kkk").selected, 0);
        assert_eq!(type_keys("G").selected, 2);
        let view = type_keys("p?s");
        assert!(view.has_policies && view.has_help && view.selected == 0);
        assert_eq!(view.order, SortKey::Packets);
    }
}
