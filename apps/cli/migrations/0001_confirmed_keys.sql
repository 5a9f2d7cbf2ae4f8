CREATE TABLE `confirmed_key` (
	`mesh` integer NOT NULL,
	`member` text NOT NULL,
	`name` text NOT NULL,
	`at` integer NOT NULL,
	PRIMARY KEY(`mesh`, `member`),
	FOREIGN KEY (`mesh`) REFERENCES `mesh`(`row`) ON UPDATE no action ON DELETE cascade
);
