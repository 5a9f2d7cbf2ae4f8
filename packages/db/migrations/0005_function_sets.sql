CREATE TABLE "mesh"."function_set" (
	"name" text PRIMARY KEY NOT NULL,
	"used_at" timestamp with time zone NOT NULL
);
