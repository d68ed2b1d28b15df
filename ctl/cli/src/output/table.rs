//! Aligned columns.

use std::fmt;

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A column.
#[derive(Debug)]
struct Column {
    heading: String,
    align: Align,
    may_go: bool,
}

/// A table: a heading per column, then rows of as many cells.
#[derive(Debug)]
pub struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    columns_max: Option<usize>,
    left_out: Vec<String>,
    /// Of the terminal that they were left out for.
    width: usize,
}

impl Table {
    /// A table of these columns. A heading that starts with `>` is a column of numbers; one that starts with `?` (in
    /// front of that) is left out of a terminal that is too narrow.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let column = |heading: &str| {
            let (heading, may_go) = match heading.strip_prefix('?') {
                Some(rest) => (rest, true),
                None => (heading, false),
            };
            let (heading, align) = match heading.strip_prefix('>') {
                Some(rest) => (rest, Align::Right),
                None => (heading, Align::Left),
            };
            Column {
                heading: heading.to_owned(),
                align,
                may_go,
            }
        };
        Self {
            columns: headings.into_iter().map(column).collect(),
            rows: Vec::new(),
            columns_max: None,
            left_out: Vec::new(),
            width: 0,
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Makes it fit into a terminal of so many columns, as far as it can: leaves out what may go, from the right, and
    /// lets explanations, the column HELP, end with the line. Values are never cut.
    pub fn clipped(mut self, columns_max: Option<usize>) -> Self {
        let last = self.columns.last();
        let explains = last.is_some_and(|last| last.heading == "HELP");
        if let Some(max) = columns_max {
            self.leave_out(max);
        }
        self.columns_max = columns_max.filter(|_| explains);
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        if self.columns.iter().any(|column| !column.heading.is_empty()) {
            let headings = self.columns.iter().map(|column| column.heading.as_str());
            self.line(f, &widths, headings)?;
        }
        for row in &self.rows {
            self.line(f, &widths, row.iter().map(String::as_str))?;
        }
        match self.left_out.is_empty() || self.rows.is_empty() {
            true => Ok(()),
            false => self.note(f),
        }
    }
}

impl Table {
    /// The longest cell of each column.
    fn widths(&self) -> Vec<usize> {
        let width = |(place, column): (usize, &Column)| {
            let cells = self.rows.iter().filter_map(|row| row.get(place));
            let cells = cells.chain([&column.heading]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(width).collect()
    }

    /// Leaves out columns that may go until the others fit into `max`, or none is left that may.
    fn leave_out(&mut self, max: usize) {
        loop {
            let widths = self.widths();
            let needed = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
            let place = self.columns.iter().rposition(|column| column.may_go);
            let Some(place) = place.filter(|_| needed > max) else {
                return;
            };
            self.width = max;
            self.left_out.insert(0, self.columns.remove(place).heading);
            for row in self.rows.iter_mut().filter(|row| place < row.len()) {
                row.remove(place);
            }
        }
    }

    /// Names what was left out, in lines that fit.
    fn note(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::from("(too narrow for:");
        for name in &self.left_out {
            if line.chars().count() + name.chars().count() + 2 > self.width {
                writeln!(f, "{line}")?;
                line.clear();
            }
            line.push(' ');
            line.push_str(name);
        }
        writeln!(f, "{line})")
    }

    fn line<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        widths: &[usize],
        cells: impl Iterator<Item = &'a str>,
    ) -> fmt::Result {
        let mut line = String::new();
        let mut values_end = 0;
        for ((cell, width), column) in cells.zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            values_end = line.len();
            match column.align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        let line = line.trim_end();
        match self.columns_max {
            Some(max) if line.chars().count() > max => {
                let values = line.get(..values_end).unwrap_or(line);
                let room = max.saturating_sub(values.chars().count() + 1);
                let help: String = line
                    .chars()
                    .skip(values.chars().count())
                    .take(room)
                    .collect();
                let dots = if room > 0 { "…" } else { "" };
                writeln!(f, "{}{dots}", format!("{values}{help}").trim_end())
            }
            _ => writeln!(f, "{line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(["NAME", ">PACKETS", "HELP"]);
        table.row(["a".into(), "12345678".into(), "first".into()]);
        table.row(["longer".into(), "1".into(), String::new()]);
        assert_eq!(
            table.to_string(),
            "NAME     PACKETS  HELP\na       12345678  first\nlonger         1\n"
        );
    }

    #[test]
    fn explanations_end_with_the_line_and_values_stay_whole() {
        let table = |headings: [&str; 2], max| {
            let mut table = Table::new(headings);
            table.row(["value".into(), "what it is for".into()]);
            table.clipped(max).to_string()
        };
        assert_eq!(
            table(["A", "HELP"], Some(14)),
            "A      HELP\nvalue  what i…\n"
        );
        assert_eq!(
            table(["A", "HELP"], Some(21)),
            "A      HELP\nvalue  what it is for\n"
        );
        assert_eq!(table(["A", "HELP"], Some(3)), "A\nvalue\n");
        assert_eq!(
            table(["A", "B"], Some(3)),
            "A      B\nvalue  what it is for\n"
        );
        assert_eq!(
            table(["A", "HELP"], None),
            "A      HELP\nvalue  what it is for\n"
        );
    }

    #[test]
    fn columns_that_may_go_are_left_out_of_a_narrow_terminal_from_the_right() {
        let table = |max| {
            let mut table = Table::new(["NAME", "?>ONE", "?>TWO", "HOLD"]);
            table.row(["value".into(), "1".into(), "2".into(), "idle".into()]);
            table.clipped(max).to_string()
        };
        let whole = "NAME   ONE  TWO  HOLD\nvalue    1    2  idle\n";
        assert_eq!(table(None), whole);
        assert_eq!(table(Some(21)), whole);
        assert_eq!(
            table(Some(20)),
            "NAME   ONE  HOLD\nvalue    1  idle\n(too narrow for:\n TWO)\n"
        );
        assert_eq!(
            table(Some(3)),
            "NAME   HOLD\nvalue  idle\n(too narrow for:\n ONE\n TWO)\n"
        );
    }

    #[test]
    fn a_table_without_headings_has_only_rows() {
        let mut table = Table::new(["", ""]);
        table.row(["key".into(), "value".into()]);
        assert_eq!(table.to_string(), "key  value\n");
    }
}
