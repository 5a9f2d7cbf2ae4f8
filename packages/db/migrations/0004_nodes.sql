CREATE TABLE "mesh"."cluster" (
	"id" uuid PRIMARY KEY DEFAULT gen_random_uuid() NOT NULL
);
--> statement-breakpoint
ALTER TABLE "mesh"."lease" ADD COLUMN "changed_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
CREATE INDEX "lease_changed" ON "mesh"."lease" USING btree ("changed_at");
--> statement-breakpoint
INSERT INTO mesh.cluster DEFAULT VALUES;
--> statement-breakpoint
-- Brokers of every version write leases: what tells the other nodes of a change stands where none can forget it.
CREATE FUNCTION mesh.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' OR (NEW.state, NEW.node, NEW.presence_counter, NEW.hook_at, NEW.certificate)
    IS DISTINCT FROM (OLD.state, OLD.node, OLD.presence_counter, OLD.hook_at, OLD.certificate)
  THEN NEW.changed_at := clock_timestamp(); END IF;
  RETURN NEW;
END $$;
--> statement-breakpoint
CREATE TRIGGER note_change BEFORE INSERT OR UPDATE ON mesh.lease FOR EACH ROW EXECUTE FUNCTION mesh.note_change();
