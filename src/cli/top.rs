//! `tierline top`: the queues live in the terminal.

use super::connect::Connection;
use super::console;
use super::fault::Fault;
use super::screen::{self, Heading, Overview};
use super::table::{self, Cell, Line, Tone};
use super::{Context, contract_duration};
use crate::api::proto::v1;
use crate::clock;
use clap::Args;
use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::{Attribute, Color, Print, ResetColor, SetAttribute, SetForegroundColor};
use crossterm::terminal::{
    BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
    LeaveAlternateScreen,
};
use crossterm::{cursor, execute, queue, terminal};
use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use tokio_stream::StreamExt as _;

/// The pause before a server that did not answer is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// How often waits are shown anew while nothing happens.
const TICK: Duration = Duration::from_secs(1);

/// Watch the queues live in the terminal.
///
/// Tiers with their waits and the share that was answered in time, pools with what their agents do, and every queue
/// with its oldest wait and next deadline; what is late is red. q ends it. Where the output is no terminal, it
/// prints a snapshot whenever something changed.
#[derive(Args, Debug)]
#[command(after_help = format!("{}\n\n\
Examples:
  tierline top
  tierline top --once
  tierline top --once --output json", screen::HELP))]
pub(crate) struct Top {
    /// Print one snapshot and end
    #[arg(long)]
    once: bool,
    /// The least time between two updates, 100ms to 60s
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = super::duration)]
    interval: Duration,
}

impl Top {
    /// Runs it.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Fault> {
        let connection = context.connect().await?;
        if self.once {
            let request = v1::ListQueuesRequest {};
            let answer = connection.call(connection.ops().list_queues(request)).await?;
            return print(context, &connection, answer.overview);
        }
        if io::stdout().is_terminal() && !context.is_json() {
            return live(&connection, self.interval).await;
        }
        let mut updates = self::watch(&connection, self.interval).await?;
        while let Some(update) = connection.next(&mut updates).await? {
            print(context, &connection, update.overview)?;
        }
        Ok(())
    }
}

async fn watch(
    connection: &Connection,
    interval: Duration,
) -> Result<tonic::Streaming<v1::WatchQueuesResponse>, Fault> {
    let request = v1::WatchQueuesRequest { min_interval: Some(contract_duration(interval)) };
    connection.call(connection.ops().watch_queues(request)).await
}

/// Prints a snapshot: plain tables with an empty line after them, or JSON on a line.
fn print(
    context: &Context,
    connection: &Connection,
    overview: Option<v1::Overview>,
) -> Result<(), Fault> {
    let overview = Overview::from(overview.ok_or(Fault::Answer("overview"))?);
    if context.is_json() {
        return console::json_line(&overview);
    }
    let heading = Heading { server: &connection.server, trouble: None };
    let lines = screen::lines(&overview, &heading, usize::MAX);
    console::say(format_args!("{}\n", table::plain(&lines)))
}

/// The terminal while it is ours; gives it back as it was, whatever happens.
struct Screen;

impl Screen {
    fn open() -> Result<Self, Fault> {
        terminal::enable_raw_mode().map_err(Fault::Output)?;
        // From here on leaving undoes what has been done, also if entering fails half way.
        let screen = Self;
        execute!(io::stdout(), EnterAlternateScreen, cursor::Hide).map_err(Fault::Output)?;
        Ok(screen)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = execute!(io::stdout(), cursor::Show, LeaveAlternateScreen);
        let _ = terminal::disable_raw_mode();
    }
}

/// Shows updates until somebody presses q. A server that goes away is waited for.
async fn live(connection: &Connection, interval: Duration) -> Result<(), Fault> {
    // A refusal, such as an interval out of range, belongs on the normal screen.
    let mut updates = Some(watch(connection, interval).await?);
    let _screen = Screen::open()?;
    let mut keys = EventStream::new();
    let speed = super::desk::clock_speed(connection).await?;
    let mut overview: Option<(Overview, Instant)> = None;
    let mut trouble: Option<String> = None;
    // Updates come when something happens; waits grow meanwhile.
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            update = next(connection, &mut updates, interval) => match update {
                Ok(update) => {
                    overview =
                        update.overview.map(|overview| (overview.into(), clock::stopwatch()));
                    trouble = None;
                }
                Err(fault) => {
                    updates = None;
                    trouble = fault.to_string().lines().next().map(str::to_owned);
                }
            },
            _ = tick.tick() => {}
            event = keys.next() => match event {
                Some(Ok(event)) if is_end(&event) => return Ok(()),
                Some(Ok(Event::Resize(..))) => {}
                Some(Ok(_)) => continue,
                Some(Err(error)) => return Err(Fault::Output(error)),
                None => return Ok(()),
            },
        }
        let heading = Heading { server: &connection.server, trouble: trouble.as_deref() };
        let (columns, rows) = terminal::size().map_err(Fault::Output)?;
        let lines = match &overview {
            Some((overview, taken)) => {
                let age_ms = taken.elapsed().mul_f64(speed).as_millis();
                let now = overview.clone().later(i64::try_from(age_ms).unwrap_or(0));
                screen::lines(&now, &heading, usize::from(rows))
            }
            None => vec![screen::title(None, &heading)],
        };
        draw(&lines, usize::from(columns), usize::from(rows)).map_err(Fault::Output)?;
    }
}

/// The next update; begins to watch again after a fault, a moment later.
async fn next(
    connection: &Connection,
    updates: &mut Option<tonic::Streaming<v1::WatchQueuesResponse>>,
    interval: Duration,
) -> Result<v1::WatchQueuesResponse, Fault> {
    let updates = if let Some(updates) = updates {
        updates
    } else {
        tokio::time::sleep(RETRY).await;
        updates.insert(watch(connection, interval).await?)
    };
    let update = connection.next(updates).await?;
    update.ok_or_else(|| Fault::NoServer {
        server: connection.server.clone(),
        cause: " (it has ended)".to_owned(),
    })
}

fn is_end(event: &Event) -> bool {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event else {
        return false;
    };
    let is_interrupt = *code == KeyCode::Char('c') && modifiers.contains(KeyModifiers::CONTROL);
    let is_quit = matches!(code, KeyCode::Char('q' | 'Q') | KeyCode::Esc);
    *kind != KeyEventKind::Release && (is_quit || is_interrupt)
}

/// Writes the lines over what is there, in one piece.
fn draw(lines: &[Line], columns: usize, rows: usize) -> io::Result<()> {
    let mut frame = vec![];
    queue!(frame, BeginSynchronizedUpdate, cursor::MoveTo(0, 0))?;
    for (at, line) in lines.iter().take(rows).enumerate() {
        if at > 0 {
            queue!(frame, Print("\r\n"))?;
        }
        let mut left = columns;
        for cell in line {
            if left == 0 {
                break;
            }
            let text = table::shortened(&cell.text, left);
            left = left.saturating_sub(unicode_width::UnicodeWidthStr::width(text.as_str()));
            paint(&mut frame, &Cell { text, tone: cell.tone })?;
        }
        queue!(frame, Clear(ClearType::UntilNewLine))?;
    }
    queue!(frame, Clear(ClearType::FromCursorDown), EndSynchronizedUpdate)?;
    let mut out = io::stdout().lock();
    out.write_all(&frame)?;
    out.flush()
}

fn paint(frame: &mut Vec<u8>, cell: &Cell) -> io::Result<()> {
    match cell.tone {
        Tone::Plain => queue!(frame, Print(&cell.text)),
        Tone::Strong => queue!(
            frame,
            SetAttribute(Attribute::Bold),
            Print(&cell.text),
            SetAttribute(Attribute::Reset)
        ),
        Tone::Late => {
            queue!(frame, SetForegroundColor(Color::Red), Print(&cell.text), ResetColor)
        }
        Tone::Faint => {
            queue!(frame, SetForegroundColor(Color::DarkGrey), Print(&cell.text), ResetColor)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q_escape_and_control_c_end_it() {
        let key = |code, modifiers| Event::Key(KeyEvent::new(code, modifiers));
        assert!(is_end(&key(KeyCode::Char('q'), KeyModifiers::NONE)));
        assert!(is_end(&key(KeyCode::Esc, KeyModifiers::NONE)));
        assert!(is_end(&key(KeyCode::Char('c'), KeyModifiers::CONTROL)));
        assert!(!is_end(&key(KeyCode::Char('c'), KeyModifiers::NONE)));
        assert!(!is_end(&Event::Resize(80, 24)));
    }
}
