package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/ncruces/go-sqlite3"
)

// conn is the one connection to the file, with every statement prepared once.
type conn struct {
	*sqlite3.Conn
	stmts map[string]*sqlite3.Stmt
}

// stmt returns the prepared statement for query, with args bound.
func (c *conn) stmt(query string, args []any) (*sqlite3.Stmt, error) {
	s := c.stmts[query]
	if s == nil {
		var err error
		if s, _, err = c.PrepareFlags(query, sqlite3.PREPARE_PERSISTENT); err != nil {
			return nil, fmt.Errorf("prepare %q: %w", query, err)
		}
		c.stmts[query] = s
	}
	for i, arg := range args {
		if err := bind(s, i+1, arg); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func bind(s *sqlite3.Stmt, i int, arg any) error {
	switch v := arg.(type) {
	case int64:
		return s.BindInt64(i, v)
	case int:
		return s.BindInt64(i, int64(v))
	case bool:
		return s.BindBool(i, v)
	case float64:
		return s.BindFloat(i, v)
	case string:
		return s.BindText(i, v)
	case []byte:
		return s.BindBlob(i, v)
	case nil:
		return s.BindNull(i)
	}
	return fmt.Errorf("bind parameter %d: a %T cannot be stored", i, arg)
}

// exec runs a statement that returns no rows.
func (c *conn) exec(query string, args ...any) error {
	s, err := c.stmt(query, args)
	if err != nil {
		return err
	}
	return s.Exec()
}

// query calls row for each row of the result. row must not run the same query
// again.
func (c *conn) query(query string, row func(*sqlite3.Stmt) error, args ...any) error {
	s, err := c.stmt(query, args)
	if err != nil {
		return err
	}
	for err == nil && s.Step() {
		err = row(s)
	}
	err = cmp.Or(err, s.Err())
	return cmp.Or(err, s.Reset()) // which repeats an error of Step
}

// one is query for a result of at most one row.
func (c *conn) one(query string, row func(*sqlite3.Stmt), args ...any) (found bool, err error) {
	err = c.query(query, func(s *sqlite3.Stmt) error {
		row(s)
		found = true
		return nil
	}, args...)
	return found, err
}

// checkpoint moves what is in the WAL into the database and empties the WAL.
func (c *conn) checkpoint() error {
	_, _, err := c.WALCheckpoint("main", sqlite3.CHECKPOINT_TRUNCATE)
	return err
}

// quickCheck reads every page of every table and compares what refers to each
// other. It reads each page once, so it keeps few: memory that SQLite has
// taken, it keeps. The full-text index is looked through as the tables that it
// is made of: to compare its insides would take ten times as long as all else.
func (c *conn) quickCheck() (err error) {
	if err := c.Exec("PRAGMA cache_size=-" + strconv.Itoa(checkCacheKiB)); err != nil {
		return err
	}
	defer func() {
		defer c.SetInterrupt(c.SetInterrupt(context.Background())) // the check may have been
		err = errors.Join(err, c.Exec("PRAGMA cache_size=-"+strconv.Itoa(cacheKiB)))
	}()
	tables := []string{"sqlite_schema"}
	if err := c.query("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0", func(row *sqlite3.Stmt) error {
		tables = append(tables, row.ColumnText(0))
		return nil
	}); err != nil {
		return err
	}
	for _, table := range tables {
		if err := c.query("SELECT quick_check FROM pragma_quick_check(?)", func(row *sqlite3.Stmt) error {
			if found := row.ColumnText(0); found != "ok" {
				return fmt.Errorf("%w (%s)", ErrDamaged, found)
			}
			return nil
		}, table); err != nil {
			return err
		}
	}
	return nil
}

// close closes the file. SQLite removes the WAL when all of it is in the
// database.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.Conn.Close())...)
}
