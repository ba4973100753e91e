package tools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"frontdesk/internal/fault"
	"frontdesk/tools"
	"frontdesk/tools/gate"
)

// A Go function becomes a tool. A policy says which tools an agent may use and for how long.
func ExampleFunc() {
	type arguments struct {
		City string `json:"city" jsonschema:"the name of the city"`
	}
	openingHours := tools.Func("opening_hours", "Tells when a store opens.", gate.Rule{},
		func(_ context.Context, _ string, args arguments) (any, []tools.Note, error) {
			if args.City != "Springfield" {
				return nil, nil, fault.New(fault.NotFound, "no store in %s", args.City)
			}
			return map[string]string{"opens": "9 am"}, nil, nil
		})
	restart := tools.Func("restart", "Restarts the shop.", gate.Rule{Effect: gate.Write},
		func(context.Context, string, struct{}) (any, []tools.Note, error) { return nil, nil, nil })

	all, err := tools.NewRegistry(openingHours, restart)
	if err != nil {
		log.Fatal(err)
	}
	registry, err := all.Restrict(tools.Policy{Allow: []string{"opening_hours"}, Timeout: 2 * time.Second})
	if err != nil {
		log.Fatal(err)
	}
	for _, call := range []tools.Call{
		{ID: "1", Name: "opening_hours", Arguments: json.RawMessage(`{"city":"Springfield"}`)},
		{ID: "2", Name: "opening_hours", Arguments: json.RawMessage(`{"city":"Atlantis"}`)},
		{ID: "3", Name: "restart"},
	} {
		result := registry.DoAsOperator(context.Background(), call)
		fmt.Println(result.Failed, string(result.Output))
	}
	// Output:
	// false {"opens":"9 am"}
	// true {"error":{"code":"not_found","message":"no store in Atlantis"}}
	// true {"error":{"code":"not_found","message":"unknown tool \"restart\" (want one of: opening_hours)"}}
}

// What a caller says becomes the number of a ticket.
func ExampleParseTicketID() {
	id, ok := tools.ParseTicketID("it's ticket tea, four eight two nine, one five three two")
	fmt.Println(id, id.Say(), ok)
	// Output:
	// T-48291532 T, 4 8 2 9, 1 5 3 2 true
}
