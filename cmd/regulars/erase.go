package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"regulars/data/durable"
	"regulars/data/privacy"
	"regulars/data/state"
)

// eraseOptions are the flags of `regulars erase`.
type eraseOptions struct {
	dry, list, resume, yes bool
	forget                 string
}

func newErase(g *global) *cobra.Command {
	var o eraseOptions
	cmd := &cobra.Command{
		Use:   "erase ID…",
		Short: "Forget customers, with a receipt",
		Long: `Forget customers, each with all ids known to be the same person: their rows in
the lake, features, scores, snapshots and exports are removed, what is imported
of them later is refused, and the server treats them as unknown from the moment
this is asked for. The receipt says what was removed and names nobody.

While another job is at work the request is recorded and carried out by the
next job, by a server that is running, or by --resume (exit code 3).`,
		Example: `  regulars erase --workspace my-shop 17850 --dry-run
  regulars erase --workspace my-shop 17850
  regulars erase --workspace my-shop --list
  regulars erase --workspace my-shop --forget RECEIPT --yes`,
		RunE: func(cmd *cobra.Command, ids []string) error {
			if err := o.check(ids); err != nil {
				return usageError{err}
			}
			return g.erase(cmd.Context(), o, ids)
		},
	}
	cmd.Flags().BoolVar(&o.dry, "dry-run", false, "only count what would be removed")
	cmd.Flags().BoolVar(&o.list, "list", false, "the receipts of all erasures")
	cmd.Flags().BoolVar(&o.resume, "resume", false, "finish what is pending")
	cmd.Flags().StringVar(&o.forget, "forget", "", "let the person of this receipt be imported and served again")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "confirm --forget")
	return g.withJSON(cmd)
}

// check refuses flags that contradict each other.
func (o eraseOptions) check(ids []string) error {
	ways := 0
	for _, on := range []bool{len(ids) > 0, o.list, o.resume, o.forget != ""} {
		if on {
			ways++
		}
	}
	switch {
	case ways != 1:
		return errors.New("name the customers to erase, or one of --list, --resume, --forget")
	case o.dry && len(ids) == 0:
		return errors.New("--dry-run needs the customers to look for")
	case o.forget != "" && !o.yes:
		return errors.New("--forget lets an erased person be imported and served again: confirm it with --yes")
	case o.yes && o.forget == "":
		return errors.New("--yes confirms --forget alone")
	}
	for _, id := range ids {
		if id == "" {
			return errors.New("an id is empty")
		}
	}
	return nil
}

func (g *global) erase(ctx context.Context, o eraseOptions, ids []string) error {
	w, err := g.open(false)
	if err != nil {
		return err
	}
	return w.withState(func(db *state.DB) error {
		switch {
		case o.dry:
			return g.findPeople(ctx, w.eraser(db), ids)
		case o.list:
			all, err := db.Erasures(ctx)
			if err != nil {
				return err
			}
			return g.printReceipts(all)
		case o.forget != "":
			return g.lift(ctx, w, db, o.forget)
		}
		return g.erasePeople(ctx, w, db, ids)
	})
}

// lift lets the person of a receipt come back.
func (g *global) lift(ctx context.Context, w *workspace, db *state.DB, receipt string) error {
	lifted, err := db.LiftErasure(ctx, receipt)
	if err != nil {
		return err
	}
	if err := (eventsPlace{w}).lift(ctx, lifted.ID); err != nil {
		return err
	}
	return g.printReceipts([]state.Erasure{lifted})
}

func (g *global) findPeople(ctx context.Context, e *privacy.Eraser, ids []string) error {
	var found []privacy.Receipt
	for _, id := range ids {
		r, err := e.Find(ctx, id)
		if err != nil {
			return err
		}
		found = append(found, r)
	}
	return g.showReceipts(found)
}

// erasePeople records the requests first, then does the work if it can have the
// lock; without ids, what is pending.
func (g *global) erasePeople(ctx context.Context, w *workspace, db *state.DB, ids []string) (err error) {
	eraser := w.eraser(db)
	var asked []state.Erasure
	for _, id := range ids {
		one, err := eraser.Request(ctx, id)
		if err != nil {
			return err
		}
		asked = append(asked, one)
	}
	if len(ids) == 0 {
		if asked, err = db.PendingErasures(ctx); err != nil {
			return err
		}
	}
	failed := w.resume(ctx, eraser)
	for i := range asked {
		if asked[i], err = db.Erasure(context.WithoutCancel(ctx), asked[i].ID); err != nil {
			return errors.Join(failed, err)
		}
	}
	if errors.Is(failed, durable.ErrLocked) {
		failed = fmt.Errorf("recorded, and done as soon as the workspace is free, by a running server, the next job or `regulars erase --resume`: %w", failed)
	}
	return errors.Join(g.printReceipts(asked), failed)
}

// resume does what is pending under the workspace's lock.
func (w *workspace) resume(ctx context.Context, e *privacy.Eraser) (err error) {
	lock, err := w.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Release()) }()
	_, err = e.Resume(ctx)
	return err
}

func (g *global) printReceipts(list []state.Erasure) error {
	var receipts []privacy.Receipt
	for _, one := range list {
		r, err := privacy.ReceiptOf(one)
		if err != nil {
			return err
		}
		receipts = append(receipts, r)
	}
	return g.showReceipts(receipts)
}

func (g *global) showReceipts(list []privacy.Receipt) error {
	if g.json {
		return printJSON(g.stdout, map[string]any{"erasures": append([]privacy.Receipt{}, list...)})
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(g.stdout, "There are no erasures.")
		return err
	}
	for _, r := range list {
		if err := g.showReceipt(r); err != nil {
			return err
		}
	}
	return nil
}

func (g *global) showReceipt(r privacy.Receipt) error {
	head := r.Status
	if r.ID != "" {
		head = fmt.Sprintf("receipt %s: %s, asked for %s", r.ID, r.Status, r.RequestedAt)
	}
	if r.FinishedAt != "" {
		head += ", done " + r.FinishedAt
	}
	if r.LiftedAt != "" {
		head += ", may come back since " + r.LiftedAt
	}
	if _, err := fmt.Fprintln(g.stdout, head); err != nil {
		return err
	}
	rows := [][]string{{"where", "rows"}}
	for _, c := range r.Removed {
		rows = append(rows, []string{c.Where, fmt.Sprint(c.Rows)})
	}
	if len(r.Removed) > 0 {
		if err := printTable(g.stdout, rows); err != nil {
			return err
		}
	} else if r.Status != privacy.Pending {
		fmt.Fprintln(g.stdout, "nothing was held")
	}
	for _, left := range r.Remains {
		if _, err := fmt.Fprintf(g.stdout, "remains: %s: %s\n", left.What, left.Why); err != nil {
			return err
		}
	}
	return nil
}

func newData(g *global) *cobra.Command {
	return g.withJSON(&cobra.Command{
		Use:   "data ID",
		Short: "Everything that is held of a customer, as JSON",
		Long: `Everything that is held of a customer and of all ids known to be the same
person, as one JSON object: rows by where they lie, and receipts of erasures.`,
		Example: "  regulars data --workspace my-shop 17850 > 17850.json",
		Args:    arguments(1, 1, "one customer"),
		RunE: func(cmd *cobra.Command, args []string) error {
			w, err := g.open(false)
			if err != nil {
				return err
			}
			return w.withState(func(db *state.DB) error {
				found, err := w.eraser(db).Tell(cmd.Context(), args[0], g.stdout)
				if err == nil && !found {
					err = errors.New("nothing is held of this customer")
				}
				return err
			})
		},
	})
}
