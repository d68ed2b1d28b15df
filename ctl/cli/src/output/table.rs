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

/// A table: a heading per column, then rows of as many cells.
#[derive(Debug)]
pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
    columns_max: Option<usize>,
}

impl Table {
    /// A table of these columns. A heading that starts with `>` is a column of numbers.
    pub fn new<'a>(headings: impl IntoIterator<Item = &'a str>) -> Self {
        let column = |heading: &str| match heading.strip_prefix('>') {
            Some(rest) => (rest.to_owned(), Align::Right),
            None => (heading.to_owned(), Align::Left),
        };
        Self {
            columns: headings.into_iter().map(column).collect(),
            rows: Vec::new(),
            columns_max: None,
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Lets explanations, the column HELP, end with the terminal's lines instead of running into the
    /// next ones. Values are never cut.
    pub fn clipped(mut self, columns_max: Option<usize>) -> Self {
        let explains = self.columns.last().is_some_and(|(last, _)| last == "HELP");
        self.columns_max = columns_max.filter(|_| explains);
        self
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, (heading, _))| {
                let cells = self.rows.iter().filter_map(|row| row.get(place));
                cells
                    .map(|cell| cell.chars().count())
                    .chain([heading.chars().count()])
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        if self.columns.iter().any(|(heading, _)| !heading.is_empty()) {
            let headings = self.columns.iter().map(|(heading, _)| heading.as_str());
            self.line(f, &widths, headings)?;
        }
        for row in &self.rows {
            self.line(f, &widths, row.iter().map(String::as_str))?;
        }
        Ok(())
    }
}

impl Table {
    fn line<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        widths: &[usize],
        cells: impl Iterator<Item = &'a str>,
    ) -> fmt::Result {
        let mut line = String::new();
        let mut values_end = 0;
        for ((cell, width), (_, align)) in cells.zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            values_end = line.len();
            match align {
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
    fn a_table_without_headings_has_only_rows() {
        let mut table = Table::new(["", ""]);
        table.row(["key".into(), "value".into()]);
        assert_eq!(table.to_string(), "key  value\n");
    }
}
