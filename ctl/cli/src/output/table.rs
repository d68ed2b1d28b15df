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
        }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
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
        for ((cell, width), (_, align)) in cells.zip(widths).zip(&self.columns) {
            if !line.is_empty() {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.push_str(&format!("{cell:<width$}")),
                Align::Right => line.push_str(&format!("{cell:>width$}")),
            }
        }
        writeln!(f, "{}", line.trim_end())
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
    fn a_table_without_headings_has_only_rows() {
        let mut table = Table::new(["", ""]);
        table.row(["key".into(), "value".into()]);
        assert_eq!(table.to_string(), "key  value\n");
    }
}
