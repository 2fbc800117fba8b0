//! Tables and lists of facts for people: aligned columns in plain text, with a tone for each cell.
//!
//! Pure: it makes lines and writes nothing. Text from customers passes through [`printable`], so that
//! nothing in it can move the cursor or change colours.

use std::fmt;
use unicode_width::UnicodeWidthStr as _;

/// Spaces between two columns.
const GAP: usize = 2;

/// How a piece of text is meant; a live view shows it as colour, plain text does not show it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As everything else.
    #[default]
    Plain,
    /// A title.
    Strong,
    /// Past its time.
    Late,
    /// Beside the point.
    Faint,
}

/// A piece of text in one tone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    /// What it says, without control characters.
    pub(crate) text: String,
    /// How it is meant.
    pub(crate) tone: Tone,
}

impl Cell {
    /// A cell in a tone.
    pub(crate) fn toned(text: impl AsRef<str>, tone: Tone) -> Self {
        Self { text: printable(text.as_ref()), tone }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// A line of pieces.
pub(crate) type Line = Vec<Cell>;

/// On which side the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// A table under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Side)>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without columns.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One more column, for words.
    pub(crate) fn left(mut self, title: &'static str) -> Self {
        self.columns.push((title, Side::Left));
        self
    }

    /// One more column, for numbers.
    pub(crate) fn right(mut self, title: &'static str) -> Self {
        self.columns.push((title, Side::Right));
        self
    }

    /// One more row, a cell for each column.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        assert_eq!(N, self.columns.len(), "a row has a cell for each column");
        self.rows.push(cells.into());
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The title line and a line for each row, without spaces at the ends.
    pub(crate) fn lines(&self) -> Vec<Line> {
        let width = |at: usize| {
            let cells = self.rows.iter().map(|row| row[at].text.width());
            cells.chain([self.columns[at].0.width()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        let title = self.columns.iter().map(|(title, _)| Cell::toned(title, Tone::Strong));
        let mut lines = vec![self.line(&title.collect::<Vec<_>>(), &widths)];
        lines.extend(self.rows.iter().map(|row| self.line(row, &widths)));
        lines
    }

    fn line(&self, cells: &[Cell], widths: &[usize]) -> Line {
        let mut line = Line::new();
        let mut pending = 0;
        for (at, cell) in cells.iter().enumerate() {
            let fill = widths[at] - cell.text.width();
            let (before, after) = match self.columns[at].1 {
                Side::Left => (0, fill),
                Side::Right => (fill, 0),
            };
            pending += before;
            if !cell.text.is_empty() {
                line.push(Cell { text: " ".repeat(pending), tone: Tone::Plain });
                line.push(cell.clone());
                pending = 0;
            }
            pending += after + GAP;
        }
        line
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(f, &self.lines())
    }
}

/// Names and values below each other, for one thing; a value of several lines stays in its column.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts(Vec<(&'static str, String)>);

impl Facts {
    /// An empty list.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// One more fact; left out when there is nothing to say.
    pub(crate) fn add(&mut self, name: &'static str, value: impl AsRef<str>) -> &mut Self {
        let value = value.as_ref();
        if !value.is_empty() {
            self.0.push((name, value.to_owned()));
        }
        self
    }
}

impl fmt::Display for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        for (name, value) in &self.0 {
            for (at, line) in value.lines().enumerate() {
                let name = if at == 0 { name } else { "" };
                let fill = " ".repeat(width - name.width() + GAP);
                writeln!(f, "{name}{fill}{}", printable(line))?;
            }
        }
        Ok(())
    }
}

/// Lines as plain text, each with its newline.
pub(crate) fn plain(lines: &[Line]) -> String {
    let mut text = String::new();
    write_lines(&mut text, lines).expect("writing into a string does not fail");
    text
}

fn write_lines(out: &mut impl fmt::Write, lines: &[Line]) -> fmt::Result {
    for line in lines {
        for cell in line {
            out.write_str(&cell.text)?;
        }
        out.write_char('\n')?;
    }
    Ok(())
}

/// The text on one line with every control character shown as a dot.
///
/// Marks that turn the direction of writing count as such: they could make one text look like another.
pub(crate) fn printable(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if is_hidden(c) { '\u{b7}' } else { c }).collect()
}

/// The first `width` columns of the text; a dot dot dot says that there was more.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    let text = printable(text);
    if text.width() <= width {
        return text;
    }
    let mut short = String::new();
    for c in text.chars() {
        let mut longer = short.clone();
        longer.push(c);
        if longer.width() + 1 > width {
            break;
        }
        short = longer;
    }
    short.push('\u{2026}');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_left_and_numbers_right() {
        let mut table = Table::new().left("tier").right("waiting").left("state");
        table.row(["gold".into(), "7".into(), "calm".into()]);
        table.row(["standard".into(), "1234".into(), "".into()]);
        assert_eq!(
            table.to_string(),
            "tier      waiting  state\n\
             gold            7  calm\n\
             standard     1234\n"
        );
    }

    #[test]
    fn wide_characters_take_two_columns() {
        let mut table = Table::new().left("name").right("n");
        table.row(["\u{9ed2}\u{6ca2}".into(), "1".into()]);
        table.row(["Ada".into(), "2".into()]);
        assert_eq!(table.to_string(), "name  n\n\u{9ed2}\u{6ca2}  1\nAda   2\n");
    }

    #[test]
    fn a_customers_text_cannot_steer_the_terminal() {
        assert_eq!(printable("a\x1b[2Jb\nc\u{202e}d"), "a\u{b7}[2Jb\u{b7}c\u{b7}d");
        assert_eq!(Cell::from("\x07").text, "\u{b7}");
    }

    #[test]
    fn facts_leave_out_what_is_empty_and_indent_what_is_long() {
        let mut facts = Facts::new();
        facts.add("tier", "gold").add("customer", "").add("note", "one\ntwo");
        assert_eq!(facts.to_string(), "tier  gold\nnote  one\n      two\n");
    }

    #[test]
    fn a_shortened_text_fits_and_says_so() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 4), "abc\u{2026}");
        assert_eq!(shortened("\u{9ed2}\u{6ca2}\u{9ed2}", 4), "\u{9ed2}\u{2026}");
    }
}
